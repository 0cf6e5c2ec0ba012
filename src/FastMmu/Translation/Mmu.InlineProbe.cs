namespace FastMmu;

/// <content>What a JIT needs to inline the probe of the fast table.</content>
public sealed unsafe partial class Mmu
{
    /// <summary>
    /// Address of the words that an inlined probe reads, laid out as <see cref="InlineProbe"/> says. It stays the same as long as this object is
    /// alive (keep it so), also when nothing may be found by it any more: with statistics, while walks are observed, and after <see cref="Dispose"/>.
    /// </summary>
    public nint InlineProbeAddress => (nint)_view;

    /// <summary>
    /// Where physical address 0 would be in the host: what an inlined probe adds to the physical address that it found. The same as long as the
    /// memory is not disposed; zero afterwards.
    /// </summary>
    public nint HostBase => _memory.IsDisposed ? 0 : (nint)_base;
}
