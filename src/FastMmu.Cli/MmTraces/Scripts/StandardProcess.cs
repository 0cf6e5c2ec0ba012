using System.Text;
using FastMmu.Linux.Mm;

namespace FastMmu.Cli.MmTraces.Scripts;

/// <summary>The process that scripts start with: a small static program as execve lays it out without randomisation.</summary>
internal static class StandardProcess
{
    /// <summary>Areas from the top down.</summary>
    public const int TopDown = 0;

    /// <summary>Areas from the bottom up (ADDR_COMPAT_LAYOUT).</summary>
    public const int BottomUp = 2;

    private const string ProgramAreas =
        """
        ["0x400000","0x401000","r--p","0x0","target","rd mr mw me",0,0],["0x401000","0x402000","r-xp","0x1000","target","rd ex mr mw me",1,0],
        ["0x402000","0x403000","rw-p","0x2000","target","rd wr mr mw me ac",1,1],["0x404000","0x406000","rw-p","0x4000","target","rd wr mr mw me ac",1,1],
        ["0x406000","0x40a000","rw-p","0x0","","rd wr mr mw me ac",0,0]
        """;

    /// <summary>Bytes for the program's pages where the script has no <c>target</c> beside it: none but zeros.</summary>
    public static ReadOnlyMemory<byte> Program { get; } = new byte[0x5800];

    /// <summary>The process.</summary>
    /// <param name="layout"><see cref="TopDown"/> or <see cref="BottomUp"/>.</param>
    /// <param name="root">Whether it is the superuser's.</param>
    /// <param name="is32Bit">Whether it is the process of a 32-bit kernel.</param>
    /// <exception cref="FormatException">No such layout.</exception>
    public static TraceHeader Header(int layout, bool root, bool is32Bit = false)
    {
        if (layout is not (TopDown or BottomUp)) throw new FormatException($"layout {layout} is not known: 0 is from the top down, 2 from the bottom up");
        var places = new UserLayout(is32Bit ? TaskAbi.I386 : TaskAbi.X86_64, layout == TopDown ? Personality.None : Personality.CompatLayout);
        const ulong specialBytes = 0x8000;
        ulong special = layout == TopDown ? places.MmapBase - specialBytes : places.MmapBase, top = places.StackTop;
        string json =
            $$"""
            {"t":"trace","id":"","level":0,"ops":0,"personality":"{{(layout == TopDown ? "0x40000" : "0x240000")}}","uid":{{(root ? 0 : 65534)}},
            "caps":"{{(root ? "all-but-CAP_SYS_RESOURCE" : "none")}}",
            "rlimits":{"DATA":["0xffffffffffffffff","0xffffffffffffffff"],"AS":["0xffffffffffffffff","0xffffffffffffffff"],
            "STACK":["0x800000","0xffffffffffffffff"],"MEMLOCK":["0x800000","0x800000"]},
            "sysctl":{"max_map_count":65530,"overcommit_memory":0,"overcommit_ratio":50,"mmap_min_addr":4096,"mmap_min_addr_effective":65536,
            "legacy_va_layout":0,"stack_guard_gap_pages":256},
            "totalram_pages":{{(is32Bit ? 262144 : 6171024)}},"task_size":"0x{{places.TaskSize:x}}","mmap_base":"0x{{places.MmapBase:x}}",
            "argv":["target"],"envp":["ORACLE=1"],"execfn":"target",
            "mm":{"start_code":"0x401000","end_code":"0x401080","start_stack":"0x{{top - 0x1e0:x}}","start_data":"0x404000","end_data":"0x405800",
            "start_brk":"0x40a000","brk":"0x40a000","arg_start":"0x{{top - 0x30:x}}","arg_end":"0x{{top - 0x29:x}}","env_start":"0x{{top - 0x29:x}}",
            "env_end":"0x{{top - 0x20:x}}"},"auxv":[],
            "mkeys":["VmPeak","VmSize","VmLck","VmPin","VmData","VmStk","VmExe","VmLib","VmPTE","RssAnon","RssFile","RssShmem"],
            "m":[200,200,0,0,28,132,4,8,24,12,4,0],
            "vmas":[{{ProgramAreas}},
            ["0x{{special:x}}","0x{{special + 0x4000:x}}","r--p","0x0","[vvar]","rd mr pf io de dd",0,0],
            ["0x{{special + 0x4000:x}}","0x{{special + 0x6000:x}}","r--p","0x0","[vvar_vclock]","rd mr pf io de dd",0,0],
            ["0x{{special + 0x6000:x}}","0x{{special + 0x8000:x}}","r-xp","0x0","[vdso]","rd ex mr mw me de",0,0],
            ["0x{{top - 0x21000:x}}","0x{{top:x}}","rw-p","0x0","[stack]","rd wr mr mw me gd ac",1,1]],
            "present":[["0x401000",13],["0x402000",9],["0x405000",9],["0x{{top - 0x1000:x}}",9]],"rsp":"0x{{top - 0x1e0:x}}","stack_hex":""}
            """;
        return TraceHeaderParser.Parse(Encoding.UTF8.GetBytes(json));
    }
}
