using System.Runtime.InteropServices;

namespace FastMmu.NativeCompare;

/// <summary>The sides written in C++, by function pointers into the shared library that CMake built.</summary>
internal sealed unsafe class NativeLibrarySides(string path) : IDisposable
{
    private readonly nint _library = NativeLibrary.Load(Path.GetFullPath(path));

    /// <summary>The library.</summary>
    public nint Library => _library;

    /// <summary>The C++ sides on a workload's tables.</summary>
    public IEnumerable<Side> Create(Workload workload)
    {
        yield return new CachingSide(_library, "cpp-qemu-style", "qemu_style", workload.Machine);
        yield return new CachingSide(_library, "cpp-walk", "walk", workload.Machine);
        yield return new CachingSide(_library, "cpp-batch", "batch", workload.Machine);
        yield return workload.LeafEntryBytes > CopyLimitBytes ? new LoadLimit(_library, workload) : new CopyLimit(_library);
    }

    public void Dispose() => NativeLibrary.Free(_library);

    // Leaf entries that fit the first-level cache many times over cost nothing: what is left is reading addresses and writing results.
    private const ulong CopyLimitBytes = 64 << 10;

    private sealed class CachingSide : Side
    {
        private readonly delegate* unmanaged[Cdecl]<void*, ulong*, ulong*, ulong, ulong> _translate;
        private readonly delegate* unmanaged[Cdecl]<void*, void> _destroy;
        private void* _side;

        public CachingSide(nint library, string name, string prefix, NativeMachine machine)
            : base(name)
        {
            var create = (delegate* unmanaged[Cdecl]<NativeMachine*, void*>)NativeLibrary.GetExport(library, prefix + "_create");
            _translate = (delegate* unmanaged[Cdecl]<void*, ulong*, ulong*, ulong, ulong>)NativeLibrary.GetExport(library, prefix + "_translate");
            _destroy = (delegate* unmanaged[Cdecl]<void*, void>)NativeLibrary.GetExport(library, prefix + "_destroy");
            _side = create(&machine);
        }

        public override void Translate(ulong* linear, ulong* physical, int count) => _translate(_side, linear, physical, (ulong)count);

        protected override void Release()
        {
            if (_side != null) _destroy(_side);
            _side = null;
        }
    }

    private sealed class CopyLimit(nint library) : Side("limit")
    {
        private readonly delegate* unmanaged[Cdecl]<ulong*, ulong*, ulong, ulong> _copy =
            (delegate* unmanaged[Cdecl]<ulong*, ulong*, ulong, ulong>)NativeLibrary.GetExport(library, "limit_copy");

        public override bool Translates => false;

        public override void Translate(ulong* linear, ulong* physical, int count) => _copy(linear, physical, (ulong)count);
    }

    private sealed class LoadLimit(nint library, Workload workload) : Side("limit")
    {
        private readonly delegate* unmanaged[Cdecl]<ulong*, ulong, uint, ulong*, ulong, ulong> _loads =
            (delegate* unmanaged[Cdecl]<ulong*, ulong, uint, ulong*, ulong, ulong>)NativeLibrary.GetExport(library, "limit_loads");

        public override bool Translates => false;

        public override void Translate(ulong* linear, ulong* physical, int count) =>
            _loads(workload.LeafEntries, Workload.FirstLinear, (uint)workload.PageShift, linear, (ulong)count);
    }
}
