using System.Buffers.Binary;
using FastMmu.Linux.Exec;
using FastMmu.Tests.Generators;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>Damages the bytes of an ELF file in place, mostly its headers, and mends them again.</summary>
internal sealed class ElfDamage(byte[] file)
{
    private static readonly ulong[] s_values =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 56, 64, 0xfff, 0x1000, 0x1001, 0x2000, 0xffff, 0x1_0000, 0x40_0000, 0x40_1000, 0x7fff_ffff, 0x8000_0000, 0xf7ff_e000,
        0xffff_d000, 0xffff_e000, 0xffff_f000, 0xffff_ffff, 0x1_0000_0000, 0x5555_5555_4000, 0x7fff_f7ff_f000, 0x7fff_fffd_e000, 0x7fff_ffff_e000,
        0x7fff_ffff_f000, 0x8000_0000_0000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_f000, 0xffff_ffff_ffff_f001, ulong.MaxValue,
    ];

    private static readonly uint[] s_types = [0, ElfSegment.Load, 2, ElfSegment.Interpreter, 4, 6, ElfSegment.GnuStack, 0x6474_e553, 0x7000_0000];

    private readonly List<(int At, byte[] Before)> _changes = [];

    private bool Is32Bit => file.Length > 18 && file[18] is 3 or 6;

    /// <summary>Damages the file in one to five places.</summary>
    /// <returns>What was done, in a few words.</returns>
    public string Apply(EdgeRandom random)
    {
        int places = 1 + random.Below(5);
        var what = new List<string>();
        for (int i = 0; i < places; i++)
        {
            what.Add(random.Below(10) switch
            {
                0 => Flip(random, file.Length),
                1 or 2 => Flip(random, Math.Min(file.Length, 512)),
                3 => Header(random),
                _ => Segment(random),
            });
        }

        return string.Join(", ", what);
    }

    /// <summary>Takes everything back.</summary>
    public void Undo()
    {
        for (int i = _changes.Count - 1; i >= 0; i--) _changes[i].Before.CopyTo(file, _changes[i].At);
    }

    private string Flip(EdgeRandom random, int end)
    {
        int at = random.Below(end);
        return Put(at, 1, file[at] ^ (1UL << random.Below(8)));
    }

    private string Header(EdgeRandom random) => (Is32Bit, random.Below(6)) switch
    {
        (false, 0) => Put(24, 8, Value(random)),
        (false, 1) => Put(32, 8, Value(random)),
        (false, 2) => Put(56, 2, Value(random)),
        (true, 0) => Put(24, 4, Value(random)),
        (true, 1) => Put(28, 4, Value(random)),
        (true, 2) => Put(44, 2, Value(random)),
        (_, 3) => Put(16, 2, 2UL + (ulong)random.Below(2)),
        (_, 4) => Put(18, 2, random.Below(2) == 0 ? 3UL : 62UL),
        _ => Put(4, 1, (ulong)random.Below(4)),
    };

    // A field of an entry of the program header table: a remarkable value, or that of another field.
    private string Segment(EdgeRandom random)
    {
        int bytes = Is32Bit ? ElfSegment.Bytes32 : ElfSegment.Bytes64, start = Is32Bit ? ElfHeader.Bytes32 : ElfHeader.Bytes64;
        int count = Math.Max(1, Math.Min((int)Half(Is32Bit ? 44 : 56), 16));
        int entry = start + (random.Below(count) * bytes);
        int word = Is32Bit ? 4 : 8;
        switch (random.Below(8))
        {
            case 0:
                return Put(entry, 4, s_types[random.Below(s_types.Length)]);
            case 1:
                return Put(entry + (Is32Bit ? 24 : 4), 4, (ulong)random.Below(8));
            case 2:
                int other = start + (random.Below(count) * bytes);
                return entry + bytes <= file.Length && other + bytes <= file.Length ? Put(entry, file[other..(other + bytes)]) : "nothing";
            default:
                int first = Is32Bit ? 4 : 8;
                int field = entry + first + (random.Below(Is32Bit ? 5 : 6) * word);
                return Put(field, word, Value(random));
        }
    }

    private static ulong Value(EdgeRandom random) => random.Below(4) switch
    {
        0 => random.Next64() >> random.Below(64),
        1 => s_values[random.Below(s_values.Length)] + (ulong)random.Below(3) - 1,
        _ => s_values[random.Below(s_values.Length)],
    };

    private ulong Half(int at) => at + 2 <= file.Length ? BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at)) : 0UL;

    private string Put(int at, int bytes, ulong value)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        return Put(at, word[..bytes].ToArray());
    }

    private string Put(int at, byte[] bytes)
    {
        if (at + bytes.Length > file.Length) return "nothing";
        _changes.Add((at, file[at..(at + bytes.Length)]));
        bytes.CopyTo(file, at);
        return $"{at:x} = {Convert.ToHexStringLower(bytes)}";
    }
}
