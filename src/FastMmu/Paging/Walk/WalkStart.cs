namespace FastMmu.Paging.Walk;

/// <summary>Where a walk begins: at the root, or at a table that a paging-structure cache remembers.</summary>
/// <param name="Table">Physical address of the first table to read.</param>
/// <param name="Level">Its level: the level of the first entry to read.</param>
/// <param name="Path">Rights accumulated above it.</param>
public readonly record struct WalkStart(ulong Table, int Level, int Path);
