namespace FastMmu.Tests.Linux.Reference;

/// <summary>The descriptors that recorded processes start with.</summary>
internal static class ReferenceFiles
{
    public static Dictionary<int, ReferenceFile> OfTraces()
    {
        var memfd = new ReferenceInode(ReferenceFileKind.Shmem, 0x1_0064);
        var disk = new ReferenceInode(ReferenceFileKind.Disk, 0x2_0000);
        return new Dictionary<int, ReferenceFile>
        {
            [0] = Null(false),
            [1] = Null(true),
            [2] = Null(true),
            [3] = new("file:0", memfd),
            [4] = new("file:0", memfd) { Writable = false },
            [5] = new("file:1", disk),
            [6] = new("file:1", disk) { Readable = false },
            [7] = new("dev_zero", new ReferenceInode(ReferenceFileKind.Zero, 0)),
            [8] = new("file:2", new ReferenceInode(ReferenceFileKind.Shmem, 0x4000) { SealedAgainstWrites = true }),
            [9] = new("pipe", new ReferenceInode(ReferenceFileKind.Unmappable, 0)) { Writable = false, NoExec = true },
            [10] = new("directory", new ReferenceInode(ReferenceFileKind.Unmappable, 0)) { Writable = false },
            [11] = new("file:3", new ReferenceInode(ReferenceFileKind.Shmem, 0x8000)) { NoExec = true },
            [12] = new("file:1", disk) { PathOnly = true },
            [13] = new("file:4", new ReferenceInode(ReferenceFileKind.Shmem, 0)),
        };
    }

    private static ReferenceFile Null(bool writable) =>
        new("null", new ReferenceInode(ReferenceFileKind.Unmappable, 0)) { Readable = !writable, Writable = writable };
}
