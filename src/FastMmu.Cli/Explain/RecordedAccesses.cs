using FastMmu.Cli.Images;
using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>
/// What accesses of a recorded process would come to, as far as its page tables and <c>/proc/PID/maps</c> say it: limits, file sizes and what
/// was swapped out are not recorded.
/// </summary>
internal static class RecordedAccesses
{
    private const string VsyscallPage = "[vsyscall]", Stack = "[stack]";

    /// <summary>Reads, writes and fetches of the program.</summary>
    /// <param name="layout">The areas of the process.</param>
    /// <param name="linear">The address.</param>
    /// <param name="outcomes">What the processor says to them: those at CPL 3.</param>
    /// <param name="entry">The last entry that the walk read.</param>
    public static IReadOnlyList<ProgramAccess> Of(GuestLayout layout, ulong linear, IEnumerable<AccessOutcome> outcomes, ulong entry) =>
        [.. outcomes.Where(o => o.Who == Explainer.User).Select(o => Answer(layout, linear, o, entry))];

    private static ProgramAccess Answer(GuestLayout layout, ulong linear, AccessOutcome outcome, ulong entry)
    {
        Access access = outcome.Access;
        if (outcome.Translation.Ok) return new(access, true, "the page is there");
        MmuFault fault = outcome.Translation.Fault;
        if (fault.Vector != ExceptionVector.PageFault) return Refused(FaultOutcome.Kernel);
        if (layout.AreaOf(linear) is not MapsArea area)
        {
            bool below = layout.Areas.FirstOrDefault(a => a.Start > linear).Name == Stack;
            return below ? new(access, true, "the stack grows if it may, and the page is new; or SIGSEGV, SEGV_MAPERR") : Refused(FaultOutcome.MapError);
        }

        if (area.Name == VsyscallPage) return access == Access.Execute ? new(access, true, "the kernel makes the call in the program's place") : Refused(FaultOutcome.MapError);
        if ((fault.PageFaultError & PageFaultError.ProtectionKey) != 0) return Refused(FaultOutcome.KeyError);
        // Whatever may be used in some way may be read, until the processor says otherwise.
        bool allowed = access switch
        {
            Access.Write => area.Permissions[1] == 'w',
            Access.Execute => area.Permissions[2] == 'x',
            _ => area.Permissions.AsSpan(0, 3).ContainsAny("rwx"),
        };
        if (!allowed) return Refused(FaultOutcome.AccessError);
        bool shared = area.Permissions[3] == 's';
        if ((fault.PageFaultError & PageFaultError.Present) != 0)
        {
            return new(access, true, shared ? "the entry becomes writable, the page dirty" : "copy on write, or the page itself if it is nobody else's");
        }

        if (entry != 0 && fault.Level == 1) return new(access, true, "the page comes back from where the entry says");
        if (area.Name.StartsWith('['))
        {
            return new(access, true, area.Name is "[heap]" or Stack || area.Name.StartsWith("[anon", StringComparison.Ordinal) ? Zero(access) : "a page of the kernel's own, or SIGBUS, BUS_ADRERR");
        }

        if (area.Name.Length == 0) return new(access, true, Zero(access));
        string page = access == Access.Write && !shared ? "a private copy of the file's page" : "the file's page";
        return new(access, true, $"{page}; or SIGBUS, BUS_ADRERR, if the file ends before it");

        ProgramAccess Refused(int code) => ProgramAccess.Refused(access, new FaultOutcome(FaultOutcome.Segv, code, linear));
    }

    private static string Zero(Access access) => access == Access.Write ? "demand zero: a new page" : "demand zero: the page of zeros, read-only";
}
