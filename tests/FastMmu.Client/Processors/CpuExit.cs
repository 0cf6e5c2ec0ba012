namespace FastMmu.Client.Processors;

/// <summary>Why a processor gave control back.</summary>
internal enum CpuExit
{
    /// <summary>SYSCALL; RIP is behind it.</summary>
    SystemCall,

    /// <summary>A signal that the program gets for what it did: <see cref="Cpu.Signal"/>.</summary>
    Signal,
}
