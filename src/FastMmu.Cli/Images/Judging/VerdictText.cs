using System.Text.Json;
using FastMmu.Cli.Text;

namespace FastMmu.Cli.Images.Judging;

/// <summary>A verdict for people and for programs.</summary>
internal static class VerdictText
{
    /// <summary>Writes the tallies, what could not be checked, and the first mismatches.</summary>
    public static void Write(ToolConsole console, GuestVerdict verdict)
    {
        var table = new TextTable("", ">", "", ">", "", ">", "");
        foreach (AnswerTally tally in verdict.Tallies)
        {
            table.Add(
                tally.Kind, Quantity.Count(tally.Checked), "checked", Quantity.Count(tally.Mismatched), "mismatched",
                Quantity.Time(tally.Elapsed), tally.Remark);
        }

        table.Write(console);
        foreach (string note in verdict.Notes) console.Output.WriteLine("  " + console.Paint("note: " + Printable.Of(note), Ink.Yellow));
        foreach (Mismatch mismatch in verdict.Mismatches) console.Output.WriteLine("  " + console.Paint(Printable.Of(mismatch.ToString()), Ink.Red));
        if (verdict.Mismatched > verdict.Mismatches.Count) console.Output.WriteLine($"  and {Quantity.Count(verdict.Mismatched - verdict.Mismatches.Count)} more");
    }

    /// <summary>Writes the same as fields of the object that is open.</summary>
    public static void WriteJson(Utf8JsonWriter json, GuestVerdict verdict)
    {
        json.WriteNumber("checked", verdict.Checked);
        json.WriteNumber("mismatched", verdict.Mismatched);
        json.WriteStartArray("answers");
        foreach (AnswerTally tally in verdict.Tallies)
        {
            json.WriteStartObject();
            json.WriteString("kind", tally.Kind);
            json.WriteNumber("checked", tally.Checked);
            json.WriteNumber("mismatched", tally.Mismatched);
            json.WriteNumber("seconds", Math.Round(tally.Elapsed.TotalSeconds, 6));
            if (tally.Remark.Length > 0) json.WriteString("remark", tally.Remark);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStrings("notes", verdict.Notes);
        json.WriteStartArray("mismatches");
        foreach (Mismatch mismatch in verdict.Mismatches)
        {
            json.WriteStartObject();
            json.WriteString("place", mismatch.Place);
            json.WriteString("question", mismatch.Question);
            json.WriteString("expected", mismatch.Expected);
            json.WriteString("actual", mismatch.Actual);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
