using BenchmarkDotNet.Attributes;
using FastMmu.Processor;

namespace FastMmu.Bench;

/// <summary>Do two virtual CPUs on two threads over one memory translate twice as much as one?</summary>
/// <remarks>Needs two processors that nothing else uses. The time is that of one translation of all that are made: half of one thread's is the best there is.</remarks>
public class TwoProcessors
{
    private const int Count = 1 << 16;
    private const int Rounds = 8;

    private readonly Worker[] _workers = new Worker[2];
    private Guest _guest = null!;
    private Thread _thread = null!;
    private volatile int _asked;
    private volatile int _done;
    private volatile bool _stop;

    [Params(4096, 65536)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _guest = new Guest((ulong)Pages);
        for (int i = 0; i < 2; i++) _workers[i] = new Worker(_guest.CreateMmu(), Guest.RandomAddresses((ulong)Pages, Count));
        _thread = new Thread(Help) { IsBackground = true };
        _thread.Start();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _stop = true;
        _thread.Join();
        foreach (Worker worker in _workers) worker.Mmu.Dispose();
        _guest.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Rounds * Count)]
    public void One() => _workers[0].Work();

    [Benchmark(OperationsPerInvoke = 2 * Rounds * Count)]
    public void Two()
    {
        int mine = _asked + 1;
        _asked = mine;
        _workers[0].Work();
        while (_done != mine) Thread.SpinWait(1);
    }

    private void Help()
    {
        while (!_stop)
        {
            int asked = _asked;
            if (asked == _done)
            {
                // While one thread is timed the other one should not be.
                if (asked == 0) Thread.Sleep(1);
                else Thread.SpinWait(8);
                continue;
            }

            _workers[1].Work();
            _done = asked;
        }
    }

    private sealed record Worker(Mmu Mmu, ulong[] Linear)
    {
        private readonly ulong[] _physical = new ulong[Count];

        public void Work()
        {
            for (int i = 0; i < Rounds; i++) Mmu.TranslateBatch(Linear, _physical, Access.Read, Privilege.User);
        }
    }
}
