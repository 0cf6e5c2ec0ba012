using System.Buffers.Binary;

namespace FastMmu.Tests.Client;

/// <summary>A small static program, written instruction by instruction. What it expects and does not find is its exit code.</summary>
internal sealed class GuestProgram
{
    /// <summary>Where its one segment, readable and executable, begins.</summary>
    public const ulong Base = 0x40_0000;

    private const int HeaderBytes = 64 + (2 * 56);
    private readonly List<byte> _code = [];
    private int _expectations;

    /// <summary>Where the next instruction will be.</summary>
    public ulong Here => Base + HeaderBytes + (ulong)_code.Count;

    public GuestProgram Bytes(params ReadOnlySpan<byte> bytes)
    {
        _code.AddRange(bytes);
        return this;
    }

    /// <summary>mov REGISTER, VALUE.</summary>
    public GuestProgram Move(int register, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Bytes((byte)(register < 8 ? 0x48 : 0x49), (byte)(0xb8 + (register & 7))).Bytes(bytes);
    }

    /// <summary>A system call; the answer is in RAX.</summary>
    public GuestProgram Call(int number, params ReadOnlySpan<ulong> arguments)
    {
        int[] registers = [7, 6, 2, 10, 8, 9];
        for (int i = 0; i < arguments.Length; i++)
        {
            Move(registers[i], arguments[i]);
        }

        return Move(0, (ulong)number).Bytes(0x0f, 0x05);
    }

    /// <summary>mov [ADDRESS], VALUE.</summary>
    public GuestProgram Store(ulong address, ulong value) => Move(3, address).Move(1, value).Bytes(0x48, 0x89, 0x0b);

    /// <summary>Ends with a code of its own unless RAX has a value.</summary>
    public GuestProgram ExpectResult(ulong value) => Move(1, value).Bytes(0x48, 0x39, 0xc8).EndUnlessEqual();

    /// <summary>Ends with a code of its own unless memory has a value.</summary>
    public GuestProgram Expect(ulong address, ulong value) => Move(3, address).Move(1, value).Bytes(0x48, 0x39, 0x0b).EndUnlessEqual();

    /// <summary>A call of the code at an address, and what it leaves in RAX.</summary>
    public GuestProgram ExpectOfCode(ulong address, ulong value) => Move(3, address).Bytes(0xff, 0xd3).ExpectResult(value);

    /// <summary>fork; the child does something and ends, the parent waits for it.</summary>
    public GuestProgram Fork(Action<GuestProgram> child)
    {
        var part = new GuestProgram();
        child(part);
        part.Exit(0);
        // test rax,rax; jnz
        Call(57).Bytes(0x48, 0x85, 0xc0, 0x0f, 0x85).Bytes(BitConverter.GetBytes(part._code.Count)).Bytes([.. part._code]);
        return Call(61, ulong.MaxValue, 0, 0, 0);
    }

    /// <summary>A part that is jumped over.</summary>
    /// <returns>Its first address.</returns>
    public ulong Aside(Action<GuestProgram> content)
    {
        var part = new GuestProgram();
        content(part);
        Bytes(0xe9).Bytes(BitConverter.GetBytes(part._code.Count));
        ulong start = Here;
        Bytes([.. part._code]);
        return start;
    }

    public GuestProgram Exit(int code) => Bytes(0xbf).Bytes(BitConverter.GetBytes(code)).Bytes(0xb8, 231, 0, 0, 0, 0x0f, 0x05);

    /// <summary>Writes it as an ELF file that may be executed.</summary>
    public void WriteTo(string path)
    {
        byte[] file = new byte[HeaderBytes + _code.Count];
        _code.CopyTo(file, HeaderBytes);
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        void Put(int at, ulong value, int bytes) => BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo(file.AsSpan(at));
        Put(16, 2, 2);                                  // ET_EXEC
        Put(18, 62, 2);                                 // EM_X86_64
        Put(20, 1, 4);
        Put(24, Base + HeaderBytes, 8);                 // entry
        Put(32, 64, 8);                                 // program headers: two of 56 bytes
        Put(52, 64, 2);
        Put(54, 56, 2);
        Put(56, 2, 2);
        Put(64, 1, 4);                                  // PT_LOAD, readable and executable
        Put(68, 5, 4);
        Put(80, Base, 8);
        Put(96, (ulong)file.Length, 8);
        Put(104, (ulong)file.Length, 8);
        Put(112, 4096, 8);
        Put(120, 0x6474_e551, 4);                       // PT_GNU_STACK, not executable
        Put(124, 6, 4);
        File.WriteAllBytes(path, file);
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("A program of this kind runs on Linux.");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private GuestProgram EndUnlessEqual() => Bytes(0x74, 12).Exit(++_expectations);
}
