using System.Runtime.InteropServices;
using System.Text;
using FastMmu.Client.Host;
using FastMmu.Client.Processes;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Calls;

/// <summary>A call that this computer's kernel makes for the program: its arguments are copied there, its answers back.</summary>
/// <remarks>
/// How arguments are written: i a number, f a descriptor, d the descriptor of a directory or AT_FDCWD, p a path, q a path or NULL, t other
/// text, oN a structure of N bytes that is filled, sN one that is read, or NULL, B a buffer that is filled and its length, z something that is left out.
/// </remarks>
internal sealed unsafe class HostCall
{
    private const int ScratchBytes = 2 << 20;
    private const int LargestBuffer = 1 << 20;
    private const int CurrentDirectory = -100;

    private static readonly byte* Scratch = (byte*)NativeMemory.AlignedAlloc(ScratchBytes, 4096);

    private static readonly Dictionary<int, HostCall> Known = new (int Number, string Arguments)[]
    {
        (4, "p o144"), (5, "f o144"), (6, "p o144"), (8, "f i i"), (17, "f B i"), (21, "p i"), (63, "o390"), (74, "f"), (75, "f"), (76, "p i"),
        (77, "f i"), (82, "p p"), (83, "p i"), (84, "p"), (86, "p p"), (87, "p"), (88, "t p"), (89, "p B"), (90, "p i"), (91, "f i"), (92, "p i i"),
        (93, "f i i"), (94, "p i i"), (95, "i"), (96, "o16 z"), (98, "i o144"), (99, "o112"), (100, "o32"), (102, ""), (104, ""), (107, ""), (108, ""),
        (132, "p s16"), (137, "p o120"), (138, "f o120"), (217, "f B"), (228, "i o16"), (229, "i o16"), (235, "p s32"), (258, "d p i"), (260, "d p i i i"),
        (262, "d p o144 i"), (263, "d p i"), (264, "d p d p"), (265, "d p d p i"), (266, "t d p"), (267, "d p B"), (268, "d p i"), (269, "d p i"),
        (280, "d q s32 i"), (285, "f i i i"), (316, "d p d p i"), (318, "B i"), (332, "d p i i o256"), (439, "d p i i"),
    }.ToDictionary(c => c.Number, c => new HostCall(c.Arguments));

    private readonly string[] _arguments;

    private HostCall(string arguments) => _arguments = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The call with a number, if it is one of these.</summary>
    public static HostCall? Find(int number) => Known.GetValueOrDefault(number);

    /// <summary>Makes it.</summary>
    public long Make(Process process, CallArguments call)
    {
        Span<ulong> values = [call.A, call.B, call.C, call.D, call.E, call.F];
        Span<nint> host = stackalloc nint[6];
        var answers = new List<(ulong Guest, nint Host, int Bytes)>();
        byte* free = Scratch;
        int directory = CurrentDirectory;
        int at = 0;
        foreach (string argument in _arguments)
        {
            ulong value = values[at];
            int bytes = argument.Length > 1 ? int.Parse(argument.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture) : 0;
            switch (argument[0])
            {
                case 'i':
                    host[at] = (nint)value;
                    break;
                case 'f' or 'd':
                    directory = (int)value;
                    if (argument[0] == 'd' && directory == CurrentDirectory)
                    {
                        host[at] = CurrentDirectory;
                    }
                    else if (process.Descriptors.TryGet(directory, out HostDescription? description))
                    {
                        host[at] = description.Descriptor;
                    }
                    else
                    {
                        // A path that begins at the root does not look at it.
                        host[at] = -1;
                    }

                    break;
                case 'p' or 't' or 'q':
                    if (argument[0] == 'q' && value == 0)
                    {
                        break;
                    }

                    byte[]? text = process.ReadString(value, 4096);
                    if (text is null)
                    {
                        return -Errno.EFAULT;
                    }

                    if (argument[0] != 't' && directory == CurrentDirectory)
                    {
                        text = Encoding.UTF8.GetBytes(process.Absolute(Encoding.UTF8.GetString(text)));
                    }

                    host[at] = (nint)free;
                    text.CopyTo(new Span<byte>(free, text.Length));
                    free[text.Length] = 0;
                    free += text.Length + 1;
                    break;
                case 'o':
                    host[at] = (nint)free;
                    answers.Add((value, (nint)free, bytes));
                    free += bytes;
                    break;
                case 's':
                    if (value != 0 && !process.TryRead(value, new Span<byte>(free, bytes)))
                    {
                        return -Errno.EFAULT;
                    }

                    host[at] = value == 0 ? 0 : (nint)free;
                    free += bytes;
                    break;
                case 'B':
                    host[at] = (nint)free;
                    host[at + 1] = (nint)Math.Min(values[at + 1], LargestBuffer);
                    answers.Add((value, (nint)free, -1));
                    free += host[at + 1];
                    at++;
                    break;
            }

            at++;
        }

        long result = HostKernel.Call(call.Number, host[0], host[1], host[2], host[3], host[4], host[5]);
        foreach ((ulong guest, nint from, int length) in answers)
        {
            int bytes = length < 0 ? (int)result : length;
            // gettimeofday and times may be asked for their result alone.
            bool isWanted = bytes != 0 && (guest != 0 || call.Number is not (96 or 100));
            if (result >= 0 && isWanted && !process.TryWrite(guest, new ReadOnlySpan<byte>((void*)from, bytes)))
            {
                return -Errno.EFAULT;
            }
        }

        return result;
    }
}
