using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace FastMmu.Traces;

/// <summary>
/// Reads a text on a thread of its own, some blocks ahead of the one who parses it: decompressing costs more than all the rest together.
/// </summary>
internal sealed class ReadAhead : IDisposable
{
    /// <summary>Room in front of the text of a block, for what the one before has left over.</summary>
    internal const int Headroom = 1 << 16;

    /// <summary>Zeros behind the text, so that a parser may look ahead.</summary>
    internal const int Tail = 64;

    // A few blocks in flight fit into the second-level caches of both cores.
    private const int BlockBytes = 1 << 18;
    private const int Blocks = 4;

    private readonly BlockingCollection<Block> _filled = new(Blocks);
    private readonly BlockingCollection<Block> _empty = new(Blocks);
    private readonly CancellationTokenSource _stop = new();
    private readonly TraceText _text;
    private readonly Thread _thread;
    private ExceptionDispatchInfo? _failure;

    /// <param name="text">The text; disposed of with this.</param>
    internal ReadAhead(TraceText text)
    {
        _text = text;
        for (int i = 0; i < Blocks; i++) _empty.Add(new Block());
        _thread = new Thread(Fill) { IsBackground = true, Name = "trace reader" };
        _thread.Start();
    }

    /// <summary>Waits for the next block; null at the end. The last one ends with a newline, whether the file does or not.</summary>
    internal Block? Next()
    {
        if (_filled.TryTake(out Block? block, Timeout.Infinite)) return block;
        _failure?.Throw();
        return null;
    }

    /// <summary>Gives back a block that is done with, to be filled again.</summary>
    internal void Recycle(Block block) => _empty.Add(block);

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _text.Dispose();
        _filled.Dispose();
        _empty.Dispose();
        _stop.Dispose();
    }

    private void Fill()
    {
        byte last = (byte)'\n';
        try
        {
            for (bool ended = false; !ended;)
            {
                Block block = _empty.Take(_stop.Token);
                block.End = Headroom + Fill(block.Bytes.AsSpan(Headroom, BlockBytes), ref last, out ended);
                block.Bytes.AsSpan(block.End, Tail).Clear();
                _filled.Add(block, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody wants the rest.
        }
        finally
        {
            _filled.CompleteAdding();
        }
    }

    private int Fill(Span<byte> room, ref byte last, out bool ended)
    {
        int length = 0;
        ended = false;
        try
        {
            while (!ended && length < room.Length)
            {
                int read = _text.Read(room[length..]);
                length += read;
                ended = read == 0;
                if (read > 0) last = room[length - 1];
            }

            if (ended && last != '\n') room[length++] = (byte)'\n';
        }
        catch (Exception failure)
        {
            // Whatever it is belongs to the one who asks for the block behind this one.
            _failure = ExceptionDispatchInfo.Capture(failure);
            ended = true;
        }

        return length;
    }

    /// <summary>Some text between headroom and tail.</summary>
    internal sealed class Block
    {
        /// <summary>Headroom, text, tail.</summary>
        internal byte[] Bytes { get; } = new byte[Headroom + BlockBytes + Tail];

        /// <summary>Where the text ends.</summary>
        internal int End { get; set; }
    }
}
