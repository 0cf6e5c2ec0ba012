using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.NativeCompare;

/// <summary>
/// Unicorn, that is QEMU's softmmu and its code generator: a guest loop that loads each address from a list and a byte from that
/// address. What is measured is the whole loop of six instructions.
/// </summary>
internal sealed unsafe class UnicornSide : Side
{
    // Where the guest finds its loop and its list: beside everything that workloads map, behind the physical memory they use.
    private const ulong CodeLinear = 0xf0_0000_0000;
    private const ulong ListLinear = CodeLinear + CodeBytes;
    private const ulong CodeBytes = 4096;

    private const int ArchX86 = 4;
    private const int Mode64 = 8;
    private const uint AllAccess = 7;
    private const int Rcx = 38, Rdx = 40, Rsi = 43, Cr0 = 50, Cr3 = 53, Cr4 = 54;

    //  mov rax,[rsi] ; add rsi,8 ; movzx eax,byte [rax] ; add rdx,rax ; dec rcx ; jnz
    private static ReadOnlySpan<byte> Loop => [0x48, 0x8b, 0x06, 0x48, 0x83, 0xc6, 0x08, 0x0f, 0xb6, 0x00, 0x48, 0x01, 0xc2, 0x48, 0xff, 0xc9, 0x75, 0xee];

    private readonly Api _api;
    private readonly byte* _code = (byte*)NativeMemory.AlignedAlloc((nuint)CodeBytes, (nuint)CodeBytes);
    private readonly ulong* _list;
    private nint _engine;

    private UnicornSide(Api api, Workload workload, ulong* list, int listLength)
        : base("unicorn")
    {
        _api = api;
        _list = list;
        Loop.CopyTo(new Span<byte>(_code, (int)CodeBytes));
        ulong listBytes = (ulong)listLength * sizeof(ulong);
        NativeMachine machine = workload.Machine;
        workload.Map(CodeLinear, CodeLinear, CodeBytes + listBytes);
        nint engine;
        Check(api.Open(ArchX86, Mode64, &engine));
        _engine = engine;
        Check(api.MapPointer(engine, 0, (nuint)machine.Bytes, AllAccess, machine.Memory));
        Check(api.MapPointer(engine, CodeLinear, (nuint)CodeBytes, AllAccess, _code));
        Check(api.MapPointer(engine, ListLinear, (nuint)listBytes, AllAccess, list));
        // Version 2.0 looks an address up among its regions before it translates it, and accesses the region of the translation only.
        foreach ((ulong start, ulong length) in workload.LinearRanges.Where(r => r.Start >= machine.Bytes))
        {
            Check(api.MapPointer(engine, start, (nuint)length, AllAccess, machine.Memory));
        }

        SetRegister(Cr4, Processor.Cr4.PaeBit);
        SetRegister(Cr3, machine.Root);
        SetRegister(Cr0, Processor.Cr0.PgBit | Processor.Cr0.PeBit | Processor.Cr0.WpBit);
        WalksTables = Finds(workload);
    }

    /// <summary>
    /// Whether this version walks page tables. Unicorn 2.0 takes every linear address of an x86 guest for the physical one, whatever CR0 and
    /// CR3 say: what is measured then is its lookup, and a miss that costs no walk.
    /// </summary>
    public bool WalksTables { get; }

    /// <summary>The guest sums up bytes; no physical address comes out of it.</summary>
    public override bool Translates => false;

    /// <summary>Makes the side for a workload it can run: one without faults, and small enough for Unicorn to map.</summary>
    /// <param name="library">Unicorn's library.</param>
    /// <param name="workload">The workload; the loop and the list are mapped into its tables.</param>
    /// <param name="list">The addresses; <see cref="Translate"/> takes them from nowhere else.</param>
    /// <param name="listLength">How many fit.</param>
    public static UnicornSide? Create(nint library, Workload workload, ulong* list, int listLength) =>
        workload.HasFaults || workload.Machine.Bytes > 4 * ByteSize.GiB ? null : new(new Api(library), workload, list, listLength);

    public override void Translate(ulong* linear, ulong* physical, int count)
    {
        if (linear != _list) throw new ArgumentException("The guest reads its own list.", nameof(linear));
        _ = Sum(count);
    }

    protected override void Release()
    {
        if (_engine != 0) _api.Close(_engine);
        _engine = 0;
        NativeMemory.AlignedFree(_code);
    }

    private ulong Sum(int count)
    {
        SetRegister(Rsi, ListLinear);
        SetRegister(Rcx, (ulong)count);
        SetRegister(Rdx, 0);
        Check(_api.Start(_engine, CodeLinear, CodeLinear + (ulong)Loop.Length, 0, 0));
        ulong sum;
        Check(_api.ReadRegister(_engine, Rdx, &sum));
        return sum;
    }

    // Guest memory is zero; a byte put behind one address must come out of the guest's loop.
    private bool Finds(Workload workload)
    {
        using Mmu mmu = workload.CreateMmu();
        ulong address = workload.Addresses[^1];
        byte* target = workload.Machine.Memory + mmu.Probe(address, Access.Read, Privilege.User).Physical.Value;
        _list[0] = address;
        *target = 42;
        ulong sum = Sum(1);
        *target = 0;
        return sum == 42;
    }

    private void SetRegister(int register, ulong value) => Check(_api.WriteRegister(_engine, register, &value));

    private static void Check(int error)
    {
        if (error != 0) throw new InvalidDataException($"unicorn refuses with error {error}.");
    }

    // Source: unicorn/unicorn.h, unicorn/x86.h of version 2.
    private readonly struct Api(nint library)
    {
        public readonly delegate* unmanaged[Cdecl]<int, int, nint*, int> Open =
            (delegate* unmanaged[Cdecl]<int, int, nint*, int>)NativeLibrary.GetExport(library, "uc_open");

        public readonly delegate* unmanaged[Cdecl]<nint, int> Close =
            (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "uc_close");

        public readonly delegate* unmanaged[Cdecl]<nint, ulong, nuint, uint, void*, int> MapPointer =
            (delegate* unmanaged[Cdecl]<nint, ulong, nuint, uint, void*, int>)NativeLibrary.GetExport(library, "uc_mem_map_ptr");

        public readonly delegate* unmanaged[Cdecl]<nint, int, void*, int> WriteRegister =
            (delegate* unmanaged[Cdecl]<nint, int, void*, int>)NativeLibrary.GetExport(library, "uc_reg_write");

        public readonly delegate* unmanaged[Cdecl]<nint, int, void*, int> ReadRegister =
            (delegate* unmanaged[Cdecl]<nint, int, void*, int>)NativeLibrary.GetExport(library, "uc_reg_read");

        public readonly delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, nuint, int> Start =
            (delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, nuint, int>)NativeLibrary.GetExport(library, "uc_emu_start");
    }
}
