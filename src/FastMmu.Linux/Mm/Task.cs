namespace FastMmu.Linux.Mm;

/// <summary>A thread: an address space, which threads may share, and the process it belongs to.</summary>
public sealed partial class Task
{
    /// <summary>Makes a thread.</summary>
    /// <param name="mm">Its address space.</param>
    /// <param name="pid">Its number.</param>
    /// <param name="comm">Its name.</param>
    public Task(AddressSpace mm, int pid, string comm)
    {
        ArgumentNullException.ThrowIfNull(mm);
        Mm = mm;
        Pid = pid;
        Comm = comm;
    }

    /// <summary>The address space.</summary>
    public AddressSpace Mm { get; internal set; }

    /// <summary>The process: limits, credentials, files.</summary>
    public ProcessContext Context => Mm.Context;

    /// <summary>Its number.</summary>
    public int Pid { get; }

    /// <summary>Its name, at most 15 bytes.</summary>
    public string Comm { get; set; }
}
