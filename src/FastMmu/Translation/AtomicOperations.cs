using System.Numerics;

namespace FastMmu;

/// <summary>What an atomic access puts in place of what it finds. Bits above the operand are cut off afterwards.</summary>
internal interface IAtomicOperation
{
    static abstract TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits>;
}

internal readonly struct CompareExchangeOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => found == comparand ? operand : found;
}

internal readonly struct ExchangeOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => operand;
}

internal readonly struct AddOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => unchecked(found + operand);
}

internal readonly struct AndOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => found & operand;
}

internal readonly struct OrOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => found | operand;
}

internal readonly struct XorOperation : IAtomicOperation
{
    public static TBits Apply<TBits>(TBits found, TBits operand, TBits comparand) where TBits : IBinaryInteger<TBits> => found ^ operand;
}
