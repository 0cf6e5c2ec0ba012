using System.Runtime.CompilerServices;

namespace FastMmu.Tlb;

/// <content>Which arrays each kind of access goes through.</content>
public sealed unsafe partial class SetAssociativeTlb<TGeometry, TReplacement, TStatistics>
{
    /// <summary>What one kind of access goes through: constants once compiled.</summary>
    private interface ISide
    {
        static abstract TlbAccess Kind { get; }

        static abstract TlbLevelShape First { get; }

        static abstract TlbLevelShape Second { get; }

        static abstract int FirstArrays { get; }

        static abstract int SecondArrays { get; }
    }

    /// <summary>One level of a side.</summary>
    private interface ILevel
    {
        static abstract TlbAccess Kind { get; }

        static abstract int Number { get; }

        static abstract TlbLevelShape Shape { get; }

        static abstract int Arrays { get; }
    }

    private readonly struct DataSide : ISide
    {
        public static TlbAccess Kind
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TlbAccess.Data;
        }

        public static TlbLevelShape First
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.Data;
        }

        public static TlbLevelShape Second
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.SecondData;
        }

        public static int FirstArrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => DataFirst;
        }

        public static int SecondArrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => DataSecond;
        }
    }

    private readonly struct InstructionSide : ISide
    {
        public static TlbAccess Kind
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TlbAccess.Instruction;
        }

        public static TlbLevelShape First
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.Instruction.First.Sets == 0 ? TGeometry.Data : TGeometry.Instruction;
        }

        public static TlbLevelShape Second
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.Unified ? TGeometry.SecondData : TGeometry.SecondInstruction;
        }

        public static int FirstArrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.Instruction.First.Sets == 0 ? DataFirst : InstructionFirst;
        }

        public static int SecondArrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TGeometry.Unified ? DataSecond : InstructionSecond;
        }
    }

    private readonly struct FirstOf<TSide> : ILevel where TSide : struct, ISide
    {
        public static TlbAccess Kind => TSide.Kind;

        public static int Number => 1;

        public static TlbLevelShape Shape
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TSide.First;
        }

        public static int Arrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TSide.FirstArrays;
        }
    }

    private readonly struct SecondOf<TSide> : ILevel where TSide : struct, ISide
    {
        public static TlbAccess Kind => TSide.Kind;

        public static int Number => 2;

        public static TlbLevelShape Shape
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TSide.Second;
        }

        public static int Arrays
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TSide.SecondArrays;
        }
    }
}
