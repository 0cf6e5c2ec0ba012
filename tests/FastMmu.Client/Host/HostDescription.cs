using FastMmu.Linux.Files;

namespace FastMmu.Client.Host;

/// <summary>An open file of this computer behind one or more descriptors of the programs.</summary>
internal sealed class HostDescription
{
    private int _uses;

    /// <summary>Wraps a descriptor of this process, which is closed with the last use of it.</summary>
    public HostDescription(int descriptor)
    {
        Descriptor = descriptor;
        NeverWaits = HostKernel.NeverWaits(descriptor);
    }

    /// <summary>The descriptor.</summary>
    public int Descriptor { get; }

    /// <summary>Whether reads and writes are done at once.</summary>
    public bool NeverWaits { get; }

    /// <summary>What a file of /proc contains: it is made when it is first read, and sendfile refuses it. Null for other files.</summary>
    public Func<string>? Content { get; set; }

    /// <summary>What areas map of it; null while none does.</summary>
    public OpenFile? Mapped { get; set; }

    public void Hold() => _uses++;

    public void Release()
    {
        const int Close = 3;
        if (--_uses == 0)
        {
            HostKernel.Call(Close, Descriptor);
        }
    }
}
