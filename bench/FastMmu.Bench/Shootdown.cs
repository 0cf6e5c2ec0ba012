using BenchmarkDotNet.Attributes;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>What does it cost to make another running processor forget a page, and to be ready for such requests?</summary>
public class Shootdown
{
    private Guest _guest = null!;
    private Mmu _mmu = null!;
    private Mmu _otherMmu = null!;
    private MmuMember _member = null!;
    private MmuMember _other = null!;
    private Thread _thread = null!;
    private SoftTlb _soft = null!;
    private volatile bool _stop;

    [GlobalSetup(Targets = [nameof(OnePageOfAnotherProcessor), nameof(Poll)])]
    public void Setup() => Start(soft: false);

    [GlobalSetup(Target = nameof(OnePageOfASoftTlb))]
    public void SetupSoft() => Start(soft: true);

    [GlobalCleanup]
    public void Cleanup()
    {
        _stop = true;
        _thread.Join();
        _soft.Dispose();
        _mmu.Dispose();
        _otherMmu.Dispose();
        _guest.Dispose();
    }

    /// <summary>A page of both processors; the other one runs, and polls after each access. The requester waits for it.</summary>
    [Benchmark]
    public void OnePageOfAnotherProcessor() => _member.ShootDown(Tlb.Invalidation.OfPages(new LinearRange(Guest.FirstLinear, 4096)));

    /// <summary>The same, where the other one is a SoftTlb.</summary>
    [Benchmark]
    public void OnePageOfASoftTlb() => OnePageOfAnotherProcessor();

    [Benchmark]
    public bool Poll() => _member.Poll();

    private void Start(bool soft)
    {
        _stop = false;
        _guest = new Guest(64);
        _mmu = _guest.CreateMmu();
        _otherMmu = _guest.CreateMmu();
        _soft = new SoftTlb(_guest.Memory, (SoftTlb _, ulong linear, Access _, Privilege _, out SoftPage page) =>
        {
            page = new(linear - Guest.FirstLinear);
            return true;
        });
        var group = new MmuGroup(_guest.Memory);
        _member = group.Join(_mmu);
        _other = group.Join(soft ? _soft : _otherMmu);
        _member.Enter();
        _thread = new Thread(soft ? RunSoft : Run);
        _thread.Start();
    }

    private void RunSoft()
    {
        _other.Enter();
        for (ulong i = 0; !_stop; i++)
        {
            _soft.TryRead(Guest.FirstLinear + ((i & 63) << 12), out ulong _);
            _other.Poll();
        }

        _other.Exit();
    }

    private void Run()
    {
        _other.Enter();
        for (ulong i = 0; !_stop; i++)
        {
            _otherMmu.TryRead(Guest.FirstLinear + ((i & 63) << 12), out ulong _, out _);
            _other.Poll();
        }

        _other.Exit();
    }
}
