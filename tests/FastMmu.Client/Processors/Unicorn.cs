using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace FastMmu.Client.Processors;

/// <summary>The functions of Unicorn's library that the client calls.</summary>
/// <remarks>Source: unicorn/unicorn.h of version 2.0.</remarks>
internal sealed unsafe partial class Unicorn
{
    /// <summary>Names the library's file, where it is not the system's.</summary>
    public const string Variable = "FASTMMU_UNICORN";

    private const uint Version = 2;
    private const int ArchX86 = 4;
    private const int Mode64 = 8;

    // uc_control_type, with the way and the number of arguments.
    private const int ControlWrite = 1 << 30;
    private const int ControlTwoArguments = 2 << 26;
    private const int ControlRemoveCode = 9;

    private readonly delegate* unmanaged[Cdecl]<int, int, nint*, int> _open;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _close;
    private readonly delegate* unmanaged[Cdecl]<nint, ulong, nuint, uint, void*, int> _mapPointer;
    private readonly delegate* unmanaged[Cdecl]<nint, ulong, nuint, int> _unmap;
    private readonly delegate* unmanaged[Cdecl]<nint, Region**, uint*, int> _regions;
    private readonly delegate* unmanaged[Cdecl]<void*, int> _free;
    private readonly delegate* unmanaged[Cdecl]<nint, int, void*, int> _writeRegister;
    private readonly delegate* unmanaged[Cdecl]<nint, int, void*, int> _readRegister;
    private readonly delegate* unmanaged[Cdecl]<nint, nint*, int, void*, void*, ulong, ulong, int, int> _addHook;
    private readonly delegate* unmanaged[Cdecl]<nint, int, ulong, ulong, int> _control;
    private readonly delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, nuint, int> _start;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _stop;

    private Unicorn(nint library)
    {
        _open = (delegate* unmanaged[Cdecl]<int, int, nint*, int>)NativeLibrary.GetExport(library, "uc_open");
        _close = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "uc_close");
        _mapPointer = (delegate* unmanaged[Cdecl]<nint, ulong, nuint, uint, void*, int>)NativeLibrary.GetExport(library, "uc_mem_map_ptr");
        _unmap = (delegate* unmanaged[Cdecl]<nint, ulong, nuint, int>)NativeLibrary.GetExport(library, "uc_mem_unmap");
        _regions = (delegate* unmanaged[Cdecl]<nint, Region**, uint*, int>)NativeLibrary.GetExport(library, "uc_mem_regions");
        _free = (delegate* unmanaged[Cdecl]<void*, int>)NativeLibrary.GetExport(library, "uc_free");
        _writeRegister = (delegate* unmanaged[Cdecl]<nint, int, void*, int>)NativeLibrary.GetExport(library, "uc_reg_write");
        _readRegister = (delegate* unmanaged[Cdecl]<nint, int, void*, int>)NativeLibrary.GetExport(library, "uc_reg_read");
        // Both take variable arguments behind the last that is named; on x86-64 integers go there as they would without them.
        _addHook = (delegate* unmanaged[Cdecl]<nint, nint*, int, void*, void*, ulong, ulong, int, int>)NativeLibrary.GetExport(library, "uc_hook_add");
        _control = (delegate* unmanaged[Cdecl]<nint, int, ulong, ulong, int>)NativeLibrary.GetExport(library, "uc_ctl");
        _start = (delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, nuint, int>)NativeLibrary.GetExport(library, "uc_emu_start");
        Nothing = (void*)NativeLibrary.GetExport(library, "uc_arch_supported");
        _stop = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "uc_emu_stop");
    }

    /// <summary>A function that may be called with anything and changes nothing: it looks up whether an architecture is supported.</summary>
    public void* Nothing { get; }

    /// <summary>The library's file or name.</summary>
    private static string File => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } file ? file : "libunicorn.so.2";

    /// <summary>Loads the library, if this computer has it.</summary>
    /// <param name="unicorn">Its functions.</param>
    /// <param name="why">Otherwise, in one line, why not.</param>
    public static bool TryLoad([NotNullWhen(true)] out Unicorn? unicorn, [NotNullWhen(false)] out string? why)
    {
        unicorn = null;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            why = "the client runs on Linux on x86-64 only";
            return false;
        }

        why = Fault(out nint library);
        if (why is not null)
        {
            return false;
        }

        try
        {
            unicorn = new Unicorn(library);
            return true;
        }
        catch (EntryPointNotFoundException missing)
        {
            why = $"{File} is not the Unicorn that the client knows: {missing.Message}";
            return false;
        }
    }

    public nint Open()
    {
        nint engine;
        Check(_open(ArchX86, Mode64, &engine));
        return engine;
    }

    public void Close(nint engine) => Check(_close(engine));

    public void Map(nint engine, ulong address, ulong length, uint rights, void* host) => Check(_mapPointer(engine, address, (nuint)length, rights, host));

    public void Unmap(nint engine, ulong address, ulong length) => Check(_unmap(engine, address, (nuint)length));

    public void AddHook(nint engine, int kind, void* callback, void* data, int instruction = 0)
    {
        nint hook;
        // A range that ends before it begins is everything.
        Check(_addHook(engine, &hook, kind, callback, data, 1, 0, instruction));
    }

    /// <summary>Forgets code that was translated from a range (uc_ctl_remove_cache).</summary>
    public void ForgetCode(nint engine, ulong start, ulong end)
    {
        // It fails where nothing was translated.
        _ = _control(engine, ControlWrite | ControlTwoArguments | ControlRemoveCode, start, end);
    }

    public int Start(nint engine, ulong address) => _start(engine, address, ulong.MaxValue, 0, 0);

    public void Stop(nint engine) => Check(_stop(engine));

    public ulong Read(nint engine, int register)
    {
        ulong value = 0;
        Check(_readRegister(engine, register, &value));
        return value;
    }

    public void Write(nint engine, int register, ulong value) => Check(_writeRegister(engine, register, &value));

    public UInt128 ReadVector(nint engine, int register)
    {
        UInt128 value = 0;
        Check(_readRegister(engine, register, &value));
        return value;
    }

    public void WriteVector(nint engine, int register, UInt128 value) => Check(_writeRegister(engine, register, &value));

    /// <summary>What is mapped.</summary>
    public List<Region> Regions(nint engine)
    {
        Region* regions;
        uint count;
        Check(_regions(engine, &regions, &count));
        var all = new List<Region>(new ReadOnlySpan<Region>(regions, (int)count).ToArray());
        _ = _free(regions);
        return all;
    }

    // What is wrong with the library, or nothing.
    private static string? Fault(out nint library)
    {
        const int Now = 2;
        // The first call binds the function; behind a failure that would bring another error in front of the one asked for.
        _ = LastError();
        library = LoadLibrary(File, Now);
        if (library == 0)
        {
            string error = Marshal.PtrToStringUTF8(LastError()) ?? "";
            return error == $"{File}: cannot open shared object file: No such file or directory"
                ? $"{File} is not here (Debian: libunicorn2)"
                : $"{File} cannot be loaded: {error.ReplaceLineEndings(" ")}";
        }

        if (!NativeLibrary.TryGetExport(library, "uc_version", out nint version) || !NativeLibrary.TryGetExport(library, "uc_arch_supported", out nint supports))
        {
            return $"{File} is not Unicorn";
        }

        uint major, minor;
        ((delegate* unmanaged[Cdecl]<uint*, uint*, uint>)version)(&major, &minor);
        if (major != Version)
        {
            return $"{File} is version {major}.{minor} of Unicorn, not {Version}";
        }

        return ((delegate* unmanaged[Cdecl]<int, byte>)supports)(ArchX86) == 0 ? $"{File} is a Unicorn without x86" : null;
    }

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint LoadLibrary(string file, int flags);

    [LibraryImport("libc", EntryPoint = "dlerror")]
    private static partial nint LastError();

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"unicorn refuses with error {error}.");
        }
    }

    /// <summary>A region of its map (uc_mem_region): the last byte is its own.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct Region(ulong Start, ulong Last, uint Rights);
}
