using System.Text;

namespace FastMmu.Cli.MmTraces;

/// <summary>Calls as people write them.</summary>
internal static class CallText
{
    /// <summary><c>mmap(0x10000000, 0x1000, 3, 0x32, -1, 0x0)</c>.</summary>
    public static string Of(in TraceOp op)
    {
        var text = new StringBuilder();
        if (op.Process != 0) text.Append($"p{op.Process} ");
        text.Append(TraceCalls.Name(op.Call)).Append('(');
        for (int i = 0; i < op.ArgumentCount; i++)
        {
            if (i > 0) text.Append(", ");
            text.Append(Argument(op.Call, i, op.Arguments[i]));
        }

        return text.Append(')').ToString();
    }

    private static string Argument(TraceCall call, int position, ulong value) => (call, position) switch
    {
        (TraceCall.Touch, 1) => $"{(char)value}",
        (TraceCall.Setrlimit, 0) => TraceCalls.ResourceName(value) ?? $"{value}",
        (TraceCall.Mmap, 4) or (TraceCall.Ftruncate, 0) or (TraceCall.Madvise, 2) or (TraceCall.Pagemap, 1) => $"{(int)value}",
        (TraceCall.Mmap, 2) or (TraceCall.Mprotect, 2) or (TraceCall.RemapFilePages, 2) when value < 8 => $"{value}",
        _ => $"0x{value:x}",
    };
}
