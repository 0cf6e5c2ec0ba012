namespace FastMmu.Linux.Mm;

/// <content>fork and exit.</content>
public sealed partial class Task
{
    /// <summary>Whether the process has ended.</summary>
    public bool HasExited { get; private set; }

    /// <summary>fork: makes a process with a copy of the memory, copied only where one of both writes.</summary>
    /// <param name="pid">The child's number.</param>
    /// <param name="child">The child, or null.</param>
    /// <returns><paramref name="pid"/>, or -ENOMEM.</returns>
    public long Fork(int pid, out Task? child)
    {
        ProcessContext context = Context.Copy();
        long result = Mm.Fork(context, out AddressSpace? space);
        if (space is null)
        {
            context.Files.CloseAll();
            child = null;
            return result;
        }

        child = new Task(space, pid, Comm);
        return pid;
    }

    /// <summary>Ends the process: its memory and descriptors are given back. Threads that share the memory end with it.</summary>
    public void Exit()
    {
        HasExited = true;
        Mm.Dispose();
        Context.Files.CloseAll();
    }
}
