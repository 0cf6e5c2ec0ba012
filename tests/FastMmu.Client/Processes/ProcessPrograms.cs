using FastMmu.Client.Host;
using FastMmu.Linux.Exec;

namespace FastMmu.Client.Processes;

/// <summary>The programs of this computer as one of the client's processes names them.</summary>
internal sealed class ProcessPrograms : IProgramFiles
{
    private readonly HostPrograms _host = new();

    /// <summary>Who executes; nobody before the first process.</summary>
    public Process? Caller { get; set; }

    /// <summary>The file that was opened first since this was last set to null: the program, not its interpreter.</summary>
    public string? Opened { get; set; }

    /// <inheritdoc/>
    public int Open(string path, out ProgramFile? file)
    {
        int error = _host.Open(Caller?.Absolute(path) ?? path, out file);
        if (file is not null)
        {
            file.Inode.Identity = HostKernel.Identify(file.Name);
            Opened ??= file.Name;
        }

        return error;
    }
}
