namespace FastMmu.Segmentation;

/// <summary>
/// What a far jump, call or return did. The registers of the unit have changed; pushing and popping, and loading the instruction and stack
/// pointers, are the caller's.
/// </summary>
/// <param name="Offset">The new instruction pointer.</param>
/// <param name="OldCode">CS before: its selector is what a call pushes.</param>
/// <param name="OldStack">SS before: its selector is what a call to an inner level pushes.</param>
/// <param name="OldCpl">CPL before.</param>
/// <param name="SwitchesStack">Whether a call gate led to an inner level: SS has been loaded and <paramref name="StackPointer"/> counts.</param>
/// <param name="StackPointer">The inner stack pointer, read from the task-state segment, before anything is pushed.</param>
/// <param name="GateOperandSize">Size in bytes of each push of a call through a gate (2, 4 or 8); 0 if there was none.</param>
/// <param name="Parameters">How many operands of that size are copied from the outer stack.</param>
public readonly record struct FarTransfer(
    ulong Offset,
    CachedSegment OldCode,
    CachedSegment OldStack,
    int OldCpl,
    bool SwitchesStack = false,
    ulong StackPointer = 0,
    int GateOperandSize = 0,
    int Parameters = 0);
