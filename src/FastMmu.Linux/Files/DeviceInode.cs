namespace FastMmu.Linux.Files;

/// <summary>Which file an inode is: its device and its number there.</summary>
/// <param name="Major">The device's major number.</param>
/// <param name="Minor">The device's minor number.</param>
/// <param name="Number">The inode's number (st_ino).</param>
public readonly record struct DeviceInode(uint Major, uint Minor, ulong Number);
