using FastMmu.Client.Processors;

namespace FastMmu.Client.Processes;

/// <summary>A system call: its number and what the registers hold.</summary>
internal readonly record struct CallArguments(int Number, ulong A, ulong B, ulong C, ulong D, ulong E, ulong F)
{
    public static CallArguments Of(Cpu cpu) => new(
        (int)cpu[Register.Rax], cpu[Register.Rdi], cpu[Register.Rsi], cpu[Register.Rdx], cpu[Register.R10], cpu[Register.R8], cpu[Register.R9]);
}
