using FastMmu.Linux.Mm;
using FastMmu.Processor;

namespace FastMmu.Cli.Explain;

/// <summary>What an access of the program would come to, processor and kernel together.</summary>
/// <param name="Access">The access.</param>
/// <param name="GoesAhead">Whether it is made in the end; if not, the text begins with the signal.</param>
/// <param name="Text">What happens.</param>
internal sealed record ProgramAccess(Access Access, bool GoesAhead, string Text)
{
    /// <summary>An access that ends in a signal.</summary>
    /// <param name="access">The access.</param>
    /// <param name="outcome">The signal.</param>
    public static ProgramAccess Refused(Access access, FaultOutcome outcome) => new(access, false, outcome switch
    {
        { Signal: FaultOutcome.Kill, Code: FaultOutcome.Endless } => "SIGKILL: it would fault for ever",
        { Signal: FaultOutcome.Kill } => "SIGKILL: memory is used up",
        { Signal: FaultOutcome.Bus } => "SIGBUS, BUS_ADRERR: nothing is behind the page",
        { Code: FaultOutcome.AccessError } => "SIGSEGV, SEGV_ACCERR: the area does not allow it",
        { Code: FaultOutcome.KeyError } => "SIGSEGV, SEGV_PKUERR: the protection key does not allow it",
        { Code: FaultOutcome.Kernel } => "SIGSEGV, SI_KERNEL: a general-protection fault",
        _ => "SIGSEGV, SEGV_MAPERR: nothing is mapped there",
    });
}
