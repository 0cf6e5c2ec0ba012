namespace FastMmu.Tests.Generators;

/// <summary>Bytes that the running program reads or writes at once.</summary>
/// <param name="Linear">Address of the first.</param>
/// <param name="Length">How many.</param>
/// <param name="IsWrite">Whether they are written.</param>
internal readonly record struct ByteTransfer(ulong Linear, int Length, bool IsWrite)
{
    public override string ToString() => $"{(IsWrite ? "write" : "read")} {Length} bytes at 0x{Linear:x}";
}
