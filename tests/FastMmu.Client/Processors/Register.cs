namespace FastMmu.Client.Processors;

/// <summary>Unicorn's numbers of registers (uc_x86_reg).</summary>
internal static class Register
{
    public const int Flags = 25;
    public const int Rax = 35;
    public const int Rbp = 36;
    public const int Rbx = 37;
    public const int Rcx = 38;
    public const int Rdi = 39;
    public const int Rdx = 40;
    public const int Rip = 41;
    public const int Rsi = 43;
    public const int Rsp = 44;
    public const int R8 = 106;
    public const int R9 = 107;
    public const int R10 = 108;
    public const int R11 = 109;
    public const int R12 = 110;
    public const int R13 = 111;
    public const int R14 = 112;
    public const int R15 = 113;
    public const int Xmm0 = 122;
    public const int FloatControl = 246;
    public const int VectorControl = 249;
    public const int FsBase = 250;
    public const int GsBase = 251;
}
