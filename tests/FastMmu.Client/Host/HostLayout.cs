using System.Globalization;
using FastMmu.Linux.Exec;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Proc;

namespace FastMmu.Client.Host;

/// <summary>What the kernel that the client runs on puts into each process: the sizes of its own areas, and the limits it hands on.</summary>
internal static unsafe class HostLayout
{
    /// <summary>How that kernel shows the vsyscall page.</summary>
    public static VsyscallMode Vsyscall { get; private set; }

    /// <summary>Takes the sizes of [vdso] and [vvar] over, so that addresses can be compared.</summary>
    public static void CopyTo(ExecSettings settings)
    {
        settings.VvarPages = settings.VvarClockPages = 0;
        settings.Vdso64 = null;
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] range = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
            int pages = (int)((ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                - ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)) >> 12);
            switch (line[(line.LastIndexOf(' ') + 1)..])
            {
                case "[vvar]":
                    settings.VvarPages = pages;
                    break;
                case "[vvar_vclock]":
                    settings.VvarClockPages = pages;
                    break;
                case "[vdso]":
                    // Its code is not copied: without it programs ask the time by system calls.
                    settings.Vdso64 = new VdsoImage(pages);
                    break;
                case "[vsyscall]":
                    Vsyscall = line.Contains("r-xp", StringComparison.Ordinal) ? VsyscallMode.Emulate : VsyscallMode.ExecuteOnly;
                    break;
            }
        }
    }

    /// <summary>The limits and the user of this process.</summary>
    public static ProcessContext Context()
    {
        const int Prlimit = 302, GetUser = 102, GetGroup = 104;
        var context = new ProcessContext();
        ulong* limit = stackalloc ulong[2];
        for (int i = 0; i < ResourceLimits.Count; i++)
        {
            if (HostKernel.Call(Prlimit, 0, i, 0, (nint)limit) == 0)
            {
                context.Limits[i] = new ResourceLimit(limit[0], limit[1]);
            }
        }

        int user = (int)HostKernel.Call(GetUser), group = (int)HostKernel.Call(GetGroup);
        context.Credentials = (user == 0 ? Credentials.Root : Credentials.User) with { UserId = user, GroupId = group };
        return context;
    }
}
