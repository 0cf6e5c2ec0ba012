namespace FastMmu.Paging;

/// <summary>What the whole path of a translation allows. Every page that is mapped can be read by a supervisor (SMAP and keys apart).</summary>
[Flags]
public enum Rights : byte
{
    /// <summary>Supervisor, read-only, not executable.</summary>
    None = 0,

    /// <summary>Readable. Set in every mapping; x86 has no page that is mapped and unreadable.</summary>
    Read = 1 << 0,

    /// <summary>R/W=1 along the whole path.</summary>
    Write = 1 << 1,

    /// <summary>U/S=1 along the whole path.</summary>
    User = 1 << 2,

    /// <summary>XD=0 along the whole path.</summary>
    Execute = 1 << 3,

    /// <summary>A shadow-stack page: R/W=1 above the leaf, R/W=0 and D=1 in the leaf (only with CR4.CET=1).</summary>
    ShadowStack = 1 << 4,

    /// <summary>A global translation: G=1 in the leaf with CR4.PGE=1.</summary>
    Global = 1 << 5,

    /// <summary>Supervisor data, read-only.</summary>
    SupervisorRead = Read,

    /// <summary>Supervisor data.</summary>
    SupervisorReadWrite = Read | Write,

    /// <summary>Supervisor code.</summary>
    SupervisorReadExecute = Read | Execute,

    /// <summary>User data, read-only.</summary>
    UserRead = Read | User,

    /// <summary>User data.</summary>
    UserReadWrite = Read | Write | User,

    /// <summary>User code.</summary>
    UserReadExecute = Read | Execute | User,

    /// <summary>User memory, writable and executable.</summary>
    UserAll = Read | Write | Execute | User,

    /// <summary>Supervisor memory, writable and executable.</summary>
    SupervisorAll = Read | Write | Execute,
}
