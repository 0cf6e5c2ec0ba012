using FastMmu.Linux.Mm;

namespace FastMmu.Linux.Exec;

/// <summary>The registers before a new program's first instruction; those that are not here are 0 (start_thread).</summary>
/// <param name="InstructionPointer">RIP: the interpreter's first instruction, or the program's.</param>
/// <param name="StackPointer">RSP: the address of argc.</param>
/// <param name="Flags">RFLAGS: interrupts on.</param>
/// <param name="CodeSelector">CS, as the GDT of <see cref="Segmentation.Linux.LinuxGdt"/> has it.</param>
/// <param name="StackSelector">SS.</param>
/// <param name="DataSelector">DS and ES: null in 64-bit programs.</param>
/// <param name="SystemCall">What ORIG_RAX holds: the number of execve.</param>
public readonly record struct StartRegisters(
    ulong InstructionPointer, ulong StackPointer, ulong Flags, ushort CodeSelector, ushort StackSelector, ushort DataSelector, int SystemCall)
{
    private const ulong InterruptFlag = 0x202;

    internal static StartRegisters For(TaskAbi abi, ulong instruction, ulong stack) => abi switch
    {
        TaskAbi.X86_64 => new(instruction, stack, InterruptFlag, 0x33, 0x2b, 0, 59),
        TaskAbi.Compat32 => new((uint)instruction, (uint)stack, InterruptFlag, 0x23, 0x2b, 0x2b, 11),
        _ => new((uint)instruction, (uint)stack, InterruptFlag, 0x73, 0x7b, 0x7b, 11),
    };
}
