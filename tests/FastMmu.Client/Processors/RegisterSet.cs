namespace FastMmu.Client.Processors;

/// <summary>The registers of a program between two instructions, as fork hands them on and signals put them aside.</summary>
/// <remarks>The x87 stack is not among them: programs leave it empty over calls.</remarks>
internal sealed class RegisterSet
{
    private static readonly int[] General =
    [
        Register.Rax, Register.Rbx, Register.Rcx, Register.Rdx, Register.Rsi, Register.Rdi, Register.Rbp, Register.Rsp,
        Register.R8, Register.R9, Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15,
        Register.Rip, Register.Flags, Register.FsBase, Register.GsBase, Register.FloatControl, Register.VectorControl,
    ];

    private readonly ulong[] _general = new ulong[General.Length];
    private readonly UInt128[] _vectors = new UInt128[16];

    /// <summary>Reads all of them.</summary>
    public static RegisterSet Of(Cpu cpu)
    {
        var set = new RegisterSet();
        for (int i = 0; i < General.Length; i++)
        {
            set._general[i] = cpu[General[i]];
        }

        for (int i = 0; i < set._vectors.Length; i++)
        {
            set._vectors[i] = cpu.ReadVector(i);
        }

        return set;
    }

    /// <summary>Writes all of them.</summary>
    public void CopyTo(Cpu cpu)
    {
        for (int i = 0; i < General.Length; i++)
        {
            cpu[General[i]] = _general[i];
        }

        for (int i = 0; i < _vectors.Length; i++)
        {
            cpu.WriteVector(i, _vectors[i]);
        }
    }
}
