using System.Buffers.Binary;
using FastMmu.Linux.Exec;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Linux.Exec;

/// <summary>Where 32-bit programs enter the kernel, found in the image of a vdso.</summary>
public sealed class VdsoImageTests
{
    private const int Sections = 0x100, Symbols = 0x40, Names = 0x80;

    [Fact]
    public void Entry_OfAnImage_IsItsSymbol()
    {
        VdsoImage image = new(Image(), is32Bit: true);
        Assert.Equal((0x5e0UL, 4096UL), (image.EntryOffset, image.Bytes));
        Assert.Equal(0UL, new VdsoImage(Image()).EntryOffset);
        Assert.Equal((0UL, 8192UL), (new VdsoImage(new byte[4097], is32Bit: true).EntryOffset, new VdsoImage(pages: 2).Bytes));
    }

    [Fact]
    public void ADamagedImageIsNeverReadBeyondItsEnd()
    {
        var random = new EdgeRandom(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] image = Image();
            for (int j = random.Below(4); j >= 0; j--) Put(image, random.Below(image.Length / 4) * 4, (uint)random.Word());
            _ = new VdsoImage(image.AsMemory(0, 1 + random.Below(image.Length)), is32Bit: true);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new VdsoImage(ReadOnlyMemory<byte>.Empty));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VdsoImage(pages: 0));
    }

    private static byte[] Image()
    {
        byte[] image = new byte[0x200];
        "\u007fELF"u8.CopyTo(image);
        Put(image, 32, Sections);
        image[48] = 3;
        Section(image, 1, type: 11, offset: Symbols, bytes: 32, link: 2);
        Section(image, 2, type: 3, offset: Names, bytes: 32, link: 0);
        Put(image, Symbols + 16, 1);
        Put(image, Symbols + 20, 0x5e0);
        "\0__kernel_vsyscall\0"u8.CopyTo(image.AsSpan(Names));
        return image;
    }

    private static void Section(byte[] image, int index, uint type, uint offset, uint bytes, uint link)
    {
        int at = Sections + (index * 40);
        Put(image, at + 4, type);
        Put(image, at + 16, offset);
        Put(image, at + 20, bytes);
        Put(image, at + 24, link);
    }

    private static void Put(byte[] image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);
}
