namespace FastMmu.Cli;

/// <summary>Something the user gave cannot be used. The message is one line for the user: file, line and what is wrong there.</summary>
internal sealed class InputException : Exception
{
    public InputException(string message)
        : base(message)
    {
    }

    public InputException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
