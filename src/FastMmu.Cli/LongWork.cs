using Spectre.Console;

namespace FastMmu.Cli;

/// <summary>Work that may take long enough for somebody to want to see it move.</summary>
internal sealed class LongWork
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private double _done;

    private LongWork()
    {
    }

    /// <summary>How much is done, from 0 to 1. Written by the work, read by the bar.</summary>
    public double Done
    {
        get => Volatile.Read(ref _done);
        set => Volatile.Write(ref _done, value);
    }

    /// <summary>
    /// Runs <paramref name="work"/> to its end. Where somebody watches, and it takes longer than a second, a bar on stderr shows
    /// <see cref="Done"/>; elsewhere nothing is printed. The work must not write to the console meanwhile.
    /// </summary>
    /// <param name="console">The console.</param>
    /// <param name="title">What is being done, in a few words.</param>
    /// <param name="work">The work; its exceptions come out of here unchanged.</param>
    public static T Run<T>(ToolConsole console, string title, Func<LongWork, T> work)
    {
        var progress = new LongWork();
        if (!console.ShowsProgress) return work(progress);

        console.Flush();
        Task<T> running = Task.Run(() => work(progress));
        if (!Ended(running, Patience)) Show(console, title, progress, running);
        return running.GetAwaiter().GetResult();
    }

    private static void Show(ToolConsole console, string title, LongWork progress, Task running)
    {
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) });
        terminal.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask bar = context.AddTask(Markup.Escape(title), maxValue: 1);
                while (!Ended(running, TimeSpan.FromMilliseconds(100))) bar.Value = progress.Done;
                bar.Value = 1;
            });
    }

    // Wait() would throw the work's exception wrapped in another one.
    private static bool Ended(Task running, TimeSpan patience) => Task.WaitAny([running], patience) == 0;
}
