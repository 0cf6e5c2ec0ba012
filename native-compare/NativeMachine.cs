using System.Runtime.InteropServices;

namespace FastMmu.NativeCompare;

/// <summary>Guest memory as the C++ sides see it. Same layout as <c>Machine</c> in <c>cpp/machine.h</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeMachine
{
    public byte* Memory;
    public ulong Bytes;
    public ulong Root;
}
