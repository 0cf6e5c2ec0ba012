using FastMmu.Paging;
using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>Who may do what to which page, and the error code if not, with several rules broken at once.</summary>
public class ReferenceWalkerRightsTests
{
    private const int Allowed = -1;
    private const ulong Wp = Cr0.WpBit;
    private const ulong Smep = Cr4.SmepBit;
    private const ulong Smap = Cr4.SmapBit;
    private const ulong Ac = RFlags.AcBit;

    // page bits, access, privilege, CR0.WP, CR4 bits, RFLAGS, error code (P=1 W=2 U=4 RSVD=8 I=10h PK=20h SS=40h); four-level paging, NXE=1
    public static TheoryData<ulong, Access, Privilege, ulong, ulong, ulong, int> Rules => new()
    {
        // User mode reaches user pages only, and writes only writable ones, whatever WP says.
        { P | W, Access.Read, Privilege.User, Wp, 0, 0, 0x05 },
        { P | W, Access.Write, Privilege.User, Wp, 0, 0, 0x07 },
        { P | W, Access.Execute, Privilege.User, Wp, 0, 0, 0x15 },
        { P | U, Access.Read, Privilege.User, Wp, 0, 0, Allowed },
        { P | U, Access.Write, Privilege.User, 0, 0, 0, 0x07 },
        { P | U, Access.Execute, Privilege.User, Wp, 0, 0, Allowed },
        { P | U | XD, Access.Execute, Privilege.User, Wp, 0, 0, 0x15 },
        { P | U | XD, Access.Read, Privilege.User, Wp, 0, 0, Allowed },

        // Supervisor writes respect R/W=0 only with WP=1, on user and on supervisor pages.
        { P, Access.Write, Privilege.Supervisor, 0, 0, 0, Allowed },
        { P, Access.Write, Privilege.Supervisor, Wp, 0, 0, 0x03 },
        { P | U, Access.Write, Privilege.Supervisor, 0, 0, 0, Allowed },
        { P | U, Access.Write, Privilege.ImplicitSupervisor, Wp, 0, 0, 0x03 },
        { P | XD, Access.Execute, Privilege.Supervisor, Wp, 0, 0, 0x11 },

        // SMEP: supervisor fetches from user pages, also with WP=0.
        { P | U, Access.Execute, Privilege.Supervisor, Wp, 0, 0, Allowed },
        { P | U, Access.Execute, Privilege.Supervisor, 0, Smep, 0, 0x11 },
        { P | U, Access.Execute, Privilege.User, Wp, Smep, 0, Allowed },
        { P, Access.Execute, Privilege.Supervisor, Wp, Smep, 0, Allowed },
        { P | U | W, Access.Write, Privilege.Supervisor, Wp, Smep, 0, Allowed },

        // SMAP: supervisor data accesses to user pages, reads too, also with WP=0; never fetches.
        { P | U | W, Access.Read, Privilege.Supervisor, Wp, Smap, 0, 0x01 },
        { P | U | W, Access.Write, Privilege.Supervisor, 0, Smap, 0, 0x03 },
        { P | U | W, Access.Execute, Privilege.Supervisor, Wp, Smap, 0, Allowed },
        { P | W, Access.Write, Privilege.Supervisor, Wp, Smap, 0, Allowed },
        { P | U | W, Access.Write, Privilege.User, Wp, Smap, 0, Allowed },

        // AC exempts explicit accesses from SMAP and from nothing else.
        { P | U | W, Access.Read, Privilege.Supervisor, Wp, Smap, Ac, Allowed },
        { P | U, Access.Write, Privilege.Supervisor, Wp, Smap, Ac, 0x03 },
        { P | U | W, Access.Read, Privilege.ImplicitSupervisor, Wp, Smap, Ac, 0x01 },
        { P | U | W, Access.Execute, Privilege.Supervisor, Wp, Smap | Smep, Ac, 0x11 },
        { P | U | W, Access.Read, Privilege.ImplicitSupervisor, Wp, 0, 0, Allowed },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void Access_ToPage_IsAllowedOrHasTheErrorCode(ulong page, Access access, Privilege privilege, ulong wp, ulong cr4, ulong rflags, int expected)
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr0 = Cr0.PgBit | Cr0.PeBit | wp;
        tables.State.Cr4 = tables.State.Cr4.Value | cr4;
        tables.State.RFlags = rflags;
        tables[1] = Frame | page;
        ReferenceAnswer answer = tables.Probe(access, privilege);
        Assert.Equal(expected, answer.Fault?.ErrorCode ?? Allowed);
        Assert.Equal(expected == Allowed ? null : tables.Linear, answer.Fault?.Cr2);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.FourLevel)]
    [InlineData(PagingMode.FiveLevel)]
    public void Right_MissingAtAnyLevel_IsMissing(PagingMode mode)
    {
        int top = mode == PagingMode.Pae ? 2 : (int)mode;
        for (int level = top; level >= 1; level--)
        {
            var tables = new TableFixture(mode);
            tables[level] &= ~W;
            Assert.Equal(Rights.UserReadExecute, tables.Probe(Access.Read, Privilege.Supervisor).Rights);
            Assert.Equal(0x07, tables.Probe(Access.Write, Privilege.User).Fault?.ErrorCode);

            tables = new TableFixture(mode);
            tables[level] &= ~U;
            Assert.Equal(Rights.SupervisorAll, tables.Probe(Access.Read, Privilege.Supervisor).Rights);
            Assert.Equal(0x05, tables.Probe(Access.Read, Privilege.User).Fault?.ErrorCode);

            if (mode == PagingMode.TwoLevel) continue;
            tables = new TableFixture(mode);
            tables.State.Efer = tables.State.Efer.Value | Efer.NxeBit;
            tables[level] |= XD;
            Assert.Equal(Rights.UserReadWrite, tables.Probe(Access.Read, Privilege.Supervisor).Rights);
            Assert.Equal(0x15, tables.Probe(Access.Execute, Privilege.User).Fault?.ErrorCode);
        }
    }

    // mode, CR4 bits, NXE, whether a fetch is told from a read
    [Theory]
    [InlineData(PagingMode.TwoLevel, 0, false, false)]
    [InlineData(PagingMode.TwoLevel, 0, true, false)] // NXE needs PAE
    [InlineData(PagingMode.TwoLevel, Cr4.SmepBit, false, true)]
    [InlineData(PagingMode.Pae, 0, false, false)]
    [InlineData(PagingMode.Pae, 0, true, true)]
    [InlineData(PagingMode.FourLevel, 0, false, false)]
    [InlineData(PagingMode.FourLevel, 0, true, true)]
    [InlineData(PagingMode.FiveLevel, Cr4.SmepBit, false, true)]
    public void FetchBit_OfTheErrorCode_NeedsSmepOrPaeWithNxe(PagingMode mode, ulong cr4, bool nxe, bool reported)
    {
        var tables = new TableFixture(mode);
        tables.State.Cr4 = tables.State.Cr4.Value | cr4;
        tables.State.Efer = (tables.State.Efer.Value & ~Efer.NxeBit) | (nxe ? Efer.NxeBit : 0);
        tables[1] = 0;
        Assert.Equal(reported ? 0x14 : 0x04, tables.Probe(Access.Execute, Privilege.User).Fault?.ErrorCode);
        Assert.Equal(0x04, tables.Probe(Access.Read, Privilege.User).Fault?.ErrorCode);
    }

    private const ulong Pke = Cr4.PkeBit;
    private const ulong Pks = Cr4.PksBit;
    private const uint Ad = 1, Wd = 2, AdWd = 3;

    // page bits, access, privilege, CR0.WP, CR4 bits, rights of key 5 in the register of the page's mode, error code
    public static TheoryData<ulong, Access, Privilege, ulong, ulong, uint, int> Keys => new()
    {
        { P | U | W, Access.Read, Privilege.User, Wp, 0, AdWd, Allowed },
        { P | U | W, Access.Read, Privilege.User, Wp, Pke, Ad, 0x25 },
        { P | U | W, Access.Write, Privilege.User, Wp, Pke, Ad, 0x27 },
        { P | U | W, Access.Read, Privilege.User, Wp, Pke, Wd, Allowed },
        { P | U | W, Access.Write, Privilege.User, 0, Pke, Wd, 0x27 },
        { P | U | W, Access.Execute, Privilege.User, Wp, Pke, AdWd, Allowed },

        // The page's mode picks the register: supervisor accesses to user pages obey PKRU; WD only with WP=1.
        { P | U | W, Access.Read, Privilege.Supervisor, Wp, Pke, Ad, 0x21 },
        { P | U | W, Access.Write, Privilege.Supervisor, Wp, Pke, Wd, 0x23 },
        { P | U | W, Access.Write, Privilege.Supervisor, 0, Pke, Wd, Allowed },
        { P | U | W, Access.Read, Privilege.ImplicitSupervisor, Wp, Pke, Ad, 0x21 },

        // Supervisor pages know PKS only.
        { P | W, Access.Read, Privilege.Supervisor, Wp, Pke, AdWd, Allowed },
        { P | W, Access.Read, Privilege.Supervisor, Wp, Pks, Ad, 0x21 },
        { P | W, Access.Write, Privilege.Supervisor, Wp, Pks, Wd, 0x23 },
        { P | W, Access.Write, Privilege.Supervisor, 0, Pks, Wd, Allowed },
        { P | W, Access.Execute, Privilege.Supervisor, Wp, Pks, AdWd, Allowed },
        { P | U | W, Access.Read, Privilege.User, Wp, Pks, AdWd, Allowed },

        // PK is reported beside other violations.
        { P | U, Access.Write, Privilege.User, Wp, Pke, Wd, 0x27 },
        { P | U | W, Access.Read, Privilege.Supervisor, Wp, Pke | Smap, Ad, 0x21 },
        { P | W, Access.Read, Privilege.User, Wp, Pke, AdWd, 0x05 },
        { P | W, Access.Read, Privilege.User, Wp, Pks, Ad, 0x25 },
        { P | W, Access.Write, Privilege.User, 0, Pks, Wd, 0x27 },
    };

    [Theory]
    [MemberData(nameof(Keys))]
    public void ProtectionKey_OfThePage_IsAllowedOrHasTheErrorCode(
        ulong page, Access access, Privilege privilege, ulong wp, ulong cr4, uint rights, int expected)
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr0 = Cr0.PgBit | Cr0.PeBit | wp;
        tables.State.Cr4 = tables.State.Cr4.Value | cr4;

        // The register of the other mode forbids everything: it must not be asked.
        bool user = (page & U) != 0;
        tables.State.Pkru = user ? rights << 10 : uint.MaxValue;
        tables.State.Pkrs = user ? uint.MaxValue : rights << 10;

        // The keys of entries above the leaf are ignored.
        tables[2] |= 9UL << 59;
        tables[1] = Frame | page | (5UL << 59);
        ReferenceAnswer answer = tables.Probe(access, privilege);
        Assert.Equal(expected, answer.Fault?.ErrorCode ?? Allowed);
        if (answer.Ok) Assert.Equal(5, answer.ProtectionKey);
    }

    [Fact]
    public void ProtectionKey_UserBitMissingAboveTheLeaf_MakesItASupervisorPage()
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.PkeBit;
        tables.State.Pkru = uint.MaxValue;
        Assert.False(tables.Probe(Access.Read, Privilege.Supervisor).Ok);
        tables[3] &= ~U;
        Assert.True(tables.Probe(Access.Read, Privilege.Supervisor).Ok);
    }

    [Theory]
    [InlineData(PagingMode.TwoLevel)]
    [InlineData(PagingMode.Pae)]
    public void ProtectionKey_OutsideLongMode_HasNoEffect(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.PkeBit | Cr4.PksBit;
        tables.State.Pkru = uint.MaxValue;
        tables.State.Pkrs = uint.MaxValue;
        Assert.True(tables.Probe(Access.Write, Privilege.User).Ok);
    }

    private const ulong Shadow = P | D;

    // path above, page, access, privilege, error code; CET=1
    public static TheoryData<ulong, ulong, Access, Privilege, int> ShadowStacks => new()
    {
        { P | W | U, Shadow | U, Access.ShadowStackRead, Privilege.User, Allowed },
        { P | W | U, Shadow | U, Access.ShadowStackWrite, Privilege.User, Allowed },
        { P | W | U, Shadow, Access.ShadowStackWrite, Privilege.Supervisor, Allowed },

        // Not dirty, writable, or below a read-only entry: no shadow stack.
        { P | W | U, P | U, Access.ShadowStackRead, Privilege.User, 0x45 },
        { P | W | U, P | D | W | U, Access.ShadowStackWrite, Privilege.User, 0x47 },
        { P | U, Shadow | U, Access.ShadowStackRead, Privilege.User, 0x45 },

        // Each mode its own.
        { P | W | U, Shadow, Access.ShadowStackRead, Privilege.User, 0x45 },
        { P | W | U, Shadow | U, Access.ShadowStackWrite, Privilege.Supervisor, 0x43 },

        // Ordinary reads may, ordinary writes may not.
        { P | W | U, Shadow | U, Access.Read, Privilege.User, Allowed },
        { P | W | U, Shadow | U, Access.Write, Privilege.User, 0x07 },
        { P | W | U, Shadow, Access.Write, Privilege.Supervisor, 0x03 },

        // The bit describes the access, also where there is no page.
        { P | W | U, 0, Access.ShadowStackWrite, Privilege.User, 0x46 },
    };

    [Theory]
    [MemberData(nameof(ShadowStacks))]
    public void ShadowStack_AccessToPage_IsAllowedOrHasTheErrorCode(ulong above, ulong page, Access access, Privilege privilege, int expected)
    {
        foreach (PagingMode mode in new[] { PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel })
        {
            var tables = new TableFixture(mode);
            tables.State.Cr4 = tables.State.Cr4.Value | Cr4.CetBit;
            tables[2] = 0x3000 | above;
            tables[1] = Frame | page;
            Assert.Equal(expected, tables.Probe(access, privilege).Fault?.ErrorCode ?? Allowed);
        }
    }

    [Fact]
    public void ShadowStack_RightsOfThePage_NameItOnlyWithCet()
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables[1] = Frame | Shadow | U;
        Assert.Equal(Rights.UserReadExecute, tables.Probe(Access.Read, Privilege.User).Rights);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.CetBit;
        Assert.Equal(Rights.UserReadExecute | Rights.ShadowStack, tables.Probe(Access.Read, Privilege.User).Rights);
    }

    [Fact]
    public void Reasons_SeveralRulesBroken_AreAllNamed()
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr4 = tables.State.Cr4.Value | Cr4.PkeBit | Cr4.SmapBit;
        tables.State.Pkru = uint.MaxValue;
        tables[1] &= ~W;
        ReferenceFault? fault = tables.Probe(Access.Write, Privilege.Supervisor).Fault;
        Assert.Equal([FaultReason.WriteProtected, FaultReason.Smap, FaultReason.ProtectionKey], fault?.Reasons);
    }
}
