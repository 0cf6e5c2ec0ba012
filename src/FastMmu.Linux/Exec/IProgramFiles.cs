namespace FastMmu.Linux.Exec;

/// <summary>Where execve finds programs, interpreters and scripts.</summary>
public interface IProgramFiles
{
    /// <summary>Opens a file to execute it (open_exec).</summary>
    /// <param name="path">The path as the program or its file says it, not empty; relative to a directory of the implementation's choice.</param>
    /// <param name="file">The file; null when an error is returned.</param>
    /// <returns>0, or an error number (<see cref="Mm.Errno"/>): ENOENT, ENOTDIR, EACCES for what is no regular file or not executable, ...</returns>
    int Open(string path, out ProgramFile? file);
}
