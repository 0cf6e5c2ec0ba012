using System.ComponentModel;
using System.Runtime.InteropServices;
using Xunit;

namespace FastMmu.Tests.Client;

/// <summary>
/// A program on this computer itself, addresses not randomised, with every process stopped as it exits to read its areas (ptrace,
/// PTRACE_O_TRACEEXIT).
/// </summary>
internal sealed partial class NativeRun
{
    private const int SetOptions = 0x4200, GetEventMessage = 0x4201, Seize = 0x4206, Continue = 7;
    private const int TraceFork = 2, TraceVfork = 4, TraceClone = 8, TraceExit = 0x40, KillAtEnd = 0x10_0000;
    private const int EventFork = 1, EventVfork = 2, EventClone = 3, EventExit = 6, EventStop = 128;
    private const int AllChildren = 0x4000_0000, OfThisThread = 0x2000_0000;
    private const int NotPermitted = 1, NotImplemented = 38, KillSignal = 9;
    private const ulong NoRandomisation = 0x004_0000, AskOnly = 0xffff_ffff;

    private readonly Dictionary<int, string> _lineages = [];
    private readonly Dictionary<string, int> _children = [];
    private readonly Dictionary<int, int> _early = [];
    private readonly SortedDictionary<string, ProcessEnd> _ends = new(StringComparer.Ordinal);

    private NativeRun()
    {
    }

    /// <summary>Runs a program.</summary>
    /// <param name="folder">Its working directory, with its input in the file <c>input</c>.</param>
    /// <param name="environment">Its whole environment.</param>
    /// <param name="arguments">The path and what follows it.</param>
    public static ProgramResult Run(string folder, string[] environment, string[] arguments)
    {
        ProgramResult? result = null;
        Exception? failure = null;
        // All requests have to come from the thread that began, and only this thread's children are waited for.
        var tracer = new Thread(() =>
        {
            try
            {
                result = new NativeRun().Trace(folder, environment, arguments);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        {
            IsBackground = true,
        };
        tracer.Start();
        Assert.True(tracer.Join(TimeSpan.FromSeconds(60)), "The native run does not come to an end.");
        Assert.SkipWhen(failure is Win32Exception { NativeErrorCode: NotPermitted or NotImplemented }, "Processes may not be traced here.");
        return failure is null ? result! : throw new InvalidOperationException("The native run failed.", failure);
    }

    private ProgramResult Trace(string folder, string[] environment, string[] arguments)
    {
        // The shell waits until it is traced; what it executes then keeps its number and its personality. System.Diagnostics.Process would
        // wait for it too, and take stops away that are meant for the tracer.
        const string Script = "cd \"$0\"; kill -STOP $$; exec env -i \"$@\" <input >native.out 2>native.err";
        ulong before = Personality(AskOnly);
        Personality(before | NoRandomisation);
        int error = Spawn(out int first, "/bin/sh", 0, 0, ["/bin/sh", "-c", Script, folder, .. environment, .. arguments, null], ["PATH=/usr/bin:/bin", null]);
        Personality(before);
        if (error != 0)
        {
            throw new Win32Exception(error);
        }

        if (Ptrace(Seize, first, 0, TraceFork | TraceVfork | TraceClone | TraceExit | KillAtEnd) < 0)
        {
            error = Marshal.GetLastPInvokeError();
            _ = Kill(first, KillSignal);
            _ = WaitFor(first, out _, 0);
            throw new Win32Exception(error);
        }

        _lineages[first] = "0";
        while (WaitFor(-1, out int status, AllChildren | OfThisThread) is var id && id > 0)
        {
            const int StoppedMark = 0x7f;
            if ((status & 0xff) == StoppedMark)
            {
                Stopped(id, status >> 8);
            }
        }

        ProcessEnd end = _ends["0"];
        int signal = end.Status & 0x7f;
        return new ProgramResult(
            File.ReadAllBytes(Path.Combine(folder, "native.out")), File.ReadAllText(Path.Combine(folder, "native.err")),
            signal == 0 ? end.Status >> 8 : 128 + signal, _ends);
    }

    private void Stopped(int id, int why)
    {
        if (!_lineages.TryGetValue(id, out string? lineage))
        {
            // A child may be heard of before its parent's fork: it waits.
            _early[id] = why;
            return;
        }

        int signal = 0;
        switch (why >> 8)
        {
            case EventFork or EventVfork or EventClone:
                int number = _children[lineage] = _children.GetValueOrDefault(lineage) + 1;
                int child = (int)Message(id);
                _lineages[child] = $"{lineage}.{number}";
                if (_early.Remove(child, out int reason))
                {
                    Stopped(child, reason);
                }

                break;
            case EventExit:
                _ends[lineage] = new ProcessEnd((int)Message(id), File.ReadAllText($"/proc/{id}/maps"));
                break;
            case EventStop:
                break;
            default:
                signal = why & 0xff;
                break;
        }

        // A process that was killed meanwhile is nobody's to continue.
        _ = Ptrace(Continue, id, 0, signal);
    }

    private static ulong Message(int id)
    {
        nint message = Marshal.AllocHGlobal(8);
        try
        {
            Request(GetEventMessage, id, 0, message);
            return (ulong)Marshal.ReadInt64(message);
        }
        finally
        {
            Marshal.FreeHGlobal(message);
        }
    }

    private static void Request(int request, int id, nint address, nint data)
    {
        if (Ptrace(request, id, address, data) < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int id, string path, nint actions, nint attributes, string?[] arguments, string?[] environment);

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint Ptrace(nint request, int id, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int id, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int id, out int status, int options);

    [LibraryImport("libc", EntryPoint = "personality", SetLastError = true)]
    private static partial ulong Personality(ulong persona);
}
