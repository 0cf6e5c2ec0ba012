using System.Diagnostics;
using System.Globalization;
using FastMmu.Bench;
using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.NativeCompare;

/// <summary>Memory calls in pairs, after which everything is as before: on FastMmu's address space, and on the kernel of this machine.</summary>
internal sealed class MemoryCalls : IDisposable
{
    private const int ReadWrite = 3, ReadOnly = 1, PrivateAnonymous = 0x22, PrivateAnonymousFixed = 0x32;
    private const ulong Length = 64 << 10, Page = 4096, FaultedPages = 1024;
    private const string FastSide = "fastmmu-linux", KernelSide = "kernel";

    private readonly LinuxProcess _process = new();
    private readonly Process? _kernel;
    private readonly ulong _area, _faulted;
    private readonly int _rounds;

    /// <param name="kernelCalls">The program that makes the calls on this machine's kernel; null leaves that side out.</param>
    /// <param name="quick">Whether fewer rounds will do.</param>
    public MemoryCalls(string? kernelCalls, bool quick)
    {
        _rounds = quick ? 9 : 31;
        _area = (ulong)_process.Mm.Mmap(0, 1 << 20, ReadWrite, PrivateAnonymous, -1, 0);
        _faulted = (ulong)_process.Mm.Mmap(0, FaultedPages * Page, ReadWrite, PrivateAnonymous, -1, 0);
        if (kernelCalls is null) return;
        _kernel = Process.Start(new ProcessStartInfo(kernelCalls) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new IOException($"{kernelCalls} does not start.");
    }

    /// <summary>The names of what is measured.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mmap64k", "brk64k", "mprotect", "anonfault"];

    /// <summary>Measures one of them on both sides in turn.</summary>
    /// <exception cref="IOException">The kernel's side gave up.</exception>
    public IReadOnlyList<Result> Run(string name)
    {
        const int pairs = 4096;
        Action<int> fast = Work(name);
        long warm = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 4);
        while (Stopwatch.GetTimestamp() < warm) fast(pairs);
        var times = new List<double>[] { [], [] };
        for (int round = 0; round < _rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            fast(pairs);
            times[0].Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / pairs);
            if (_kernel is not null) times[1].Add(Kernel(name, pairs));
        }

        List<Result> results = [Measurement.Summarize(name, FastSide, [.. times[0]])];
        if (_kernel is not null) results.Add(Measurement.Summarize(name, KernelSide, [.. times[1]]));
        return results;
    }

    public void Dispose()
    {
        // The end of its input is the end of the program.
        _kernel?.StandardInput.Close();
        _kernel?.WaitForExit();
        _kernel?.Dispose();
        _process.Dispose();
    }

    private double Kernel(string name, int pairs)
    {
        _kernel!.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {pairs}"));
        _kernel.StandardInput.Flush();
        string answer = _kernel.StandardOutput.ReadLine() ?? "error: it ended";
        return double.TryParse(answer, CultureInfo.InvariantCulture, out double nanoseconds)
            ? nanoseconds
            : throw new IOException($"the kernel's side of {name}: {answer}");
    }

    private Action<int> Work(string name) => name switch
    {
        "mmap64k" => MapAndUnmap,
        "brk64k" => MoveBreak,
        "mprotect" => Protect,
        _ => Fault,
    };

    private void MapAndUnmap(int pairs)
    {
        for (int i = 0; i < pairs; i++)
        {
            long at = _process.Mm.Mmap(0, Length, ReadOnly, PrivateAnonymous, -1, 0);
            Check(_process.Mm.Munmap((ulong)at, Length) == 0);
        }
    }

    private void MoveBreak(int pairs)
    {
        for (int i = 0; i < pairs; i++)
        {
            Check(_process.Mm.Brk(LinuxProcess.Heap + Length) == (long)(LinuxProcess.Heap + Length));
            Check(_process.Mm.Brk(LinuxProcess.Heap) == (long)LinuxProcess.Heap);
        }
    }

    private void Protect(int pairs)
    {
        for (int i = 0; i < pairs; i++)
        {
            Check(_process.Mm.Mprotect(_area + Length, Length, ReadOnly) == 0);
            Check(_process.Mm.Mprotect(_area + Length, Length, ReadWrite) == 0);
        }
    }

    // A page a pair: the fault of its first write, and its part of mapping over it, which drops it again.
    private void Fault(int pairs)
    {
        AddressSpace mm = _process.Mm;
        for (ulong done = 0; done < (ulong)pairs; done += FaultedPages)
        {
            Check(mm.Mmap(_faulted, FaultedPages * Page, ReadWrite, PrivateAnonymousFixed, -1, 0) == (long)_faulted);
            for (ulong i = 0; i < FaultedPages; i++) Check(mm.HandleFault(_faulted + (i * Page), PageFaultError.User | PageFaultError.Write).IsResolved);
        }
    }

    private static void Check(bool holds)
    {
        if (!holds) throw new InvalidDataException("A memory call answers wrongly; nothing was measured.");
    }
}
