using FastMmu.Memory;

namespace FastMmu.Tests.Shootdown;

/// <summary>
/// Runs a few bodies on threads of which only one runs at a time: at each point of the protocol a schedule decides who runs on. Every schedule
/// can be had again, and all of them can be tried.
/// </summary>
internal sealed class Interleaving : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [ThreadStatic]
    private static Runner? s_current;

    private readonly SemaphoreSlim _returned = new(0);
    private readonly List<Runner> _runners = [];

    /// <summary>Lets the schedule switch, if this thread is one of a run.</summary>
    public static void Reach() => s_current?.Yield(null);

    /// <summary>Lets others run until a condition holds.</summary>
    public static void WaitUntil(Func<bool> condition) => s_current!.Yield(condition);

    /// <summary>Tries schedules one after another: all of them, or as many as are asked for, drawn by chance.</summary>
    /// <param name="bodies">Makes a fresh world and what runs in it.</param>
    /// <param name="sample">How many; 0 for all.</param>
    /// <param name="preemptions">How often a thread may be stopped that could have gone on: what goes wrong does so with very few.</param>
    /// <returns>How many schedules were tried.</returns>
    public static int Explore(Func<Action[]> bodies, int sample = 0, int preemptions = int.MaxValue)
    {
        var random = new Random(1);
        // The choice made at each step of the schedule, and among how many.
        var choices = new List<(int Choice, int Of)>();
        int tried = 0;
        do
        {
            using var run = new Interleaving();
            int step = 0;
            run.Run(bodies(), preemptions, enabled =>
            {
                if (sample > 0) return random.Next(enabled);
                if (step == choices.Count) choices.Add((0, enabled));
                return choices[step++].Choice;
            });
            tried++;
            while (choices.Count > 0 && choices[^1].Choice == choices[^1].Of - 1) choices.RemoveAt(choices.Count - 1);
            if (choices.Count > 0) choices[^1] = (choices[^1].Choice + 1, choices[^1].Of);
        }
        while (sample > 0 ? tried < sample : choices.Count > 0);
        return tried;
    }

    public void Dispose()
    {
        foreach (Runner runner in _runners) runner.Dispose();
        _returned.Dispose();
    }

    private void Run(Action[] bodies, int preemptions, Func<int, int> choose)
    {
        foreach (Action body in bodies) _runners.Add(new Runner(this, body));
        Runner? last = null;
        while (true)
        {
            // Whoever ran last stands first: any other choice stops it.
            Runner[] enabled = [.. _runners.Where(r => r.IsEnabled).OrderBy(r => r != last)];
            if (enabled.Length == 0) break;
            bool stops = enabled[0] == last;
            int choice = enabled.Length == 1 || (stops && preemptions == 0) ? 0 : choose(enabled.Length);
            if (stops && choice != 0) preemptions--;
            last = enabled[choice];
            last.Resume();
            if (!_returned.Wait(Patience)) throw new TimeoutException("A thread of the schedule does not come back.");
            if (_runners.Find(r => r.Failure is not null) is { } failed) throw new InvalidOperationException("In one schedule.", failed.Failure);
        }

        if (_runners.Exists(r => !r.Ended)) throw new InvalidOperationException("In one schedule all threads wait for one another.");
    }

    private sealed class Runner : IDisposable
    {
        private readonly Interleaving _run;
        private readonly SemaphoreSlim _turn = new(0);
        private readonly Thread _thread;
        private Func<bool>? _condition;
        private volatile bool _abandoned;

        public Runner(Interleaving run, Action body)
        {
            _run = run;
            _thread = new Thread(() => Main(body), 256 << 10) { IsBackground = true };
            _thread.Start();
        }

        public bool Ended { get; private set; }

        public Exception? Failure { get; private set; }

        public bool IsEnabled => !Ended && (_condition is null || _condition());

        public void Resume() => _turn.Release();

        public void Yield(Func<bool>? condition)
        {
            if (_abandoned) throw new OperationCanceledException();
            _condition = condition;
            _run._returned.Release();
            _turn.Wait();
            _condition = null;
            if (_abandoned) throw new OperationCanceledException();
        }

        public void Dispose()
        {
            _abandoned = true;
            _turn.Release();
            _thread.Join();
            _turn.Dispose();
        }

        private void Main(Action body)
        {
            s_current = this;
            _turn.Wait();
            try
            {
                if (!_abandoned) body();
            }
            catch (OperationCanceledException) when (_abandoned)
            {
                // The schedule failed elsewhere.
            }
            catch (Exception failure)
            {
                Failure = failure;
            }

            Ended = true;
            s_current = null;
            if (!_abandoned) _run._returned.Release();
        }
    }

    /// <summary>The protocol's points, where schedules switch.</summary>
    internal readonly struct Points : IInterleavingPoints
    {
        public static void Reach() => Interleaving.Reach();

        // Asked while every thread of the schedule stands still.
        public static void Await(Lock gate) => s_current?.Yield(() =>
        {
            if (!gate.TryEnter()) return false;
            gate.Exit();
            return true;
        });
    }
}
