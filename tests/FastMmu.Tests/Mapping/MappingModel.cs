using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Tests.Generators;

namespace FastMmu.Tests.Mapping;

/// <summary>What an address space should be after some operations: a list of pieces, cut and replaced, with no table in sight.</summary>
internal sealed class MappingModel(PagingMode mode)
{
    // Ends are inclusive, so that the last page of the address space is nothing special.
    private List<(ulong First, ulong Last, FrameMapping Mapping)> _pieces = [];

    /// <summary>Pieces by ascending address, neighbours that go on alike put together.</summary>
    public List<(ulong First, ulong Last, FrameMapping Mapping)> Pieces
    {
        get
        {
            var joined = new List<(ulong First, ulong Last, FrameMapping Mapping)>();
            foreach ((ulong First, ulong Last, FrameMapping Mapping) piece in _pieces.OrderBy(p => p.First))
            {
                if (joined.Count > 0 && joined[^1].Last + 1 == piece.First && piece.First != 0
                    && joined[^1].Mapping.Advance(piece.First - joined[^1].First) == piece.Mapping)
                {
                    joined[^1] = joined[^1] with { Last = piece.Last };
                }
                else
                {
                    joined.Add(piece);
                }
            }

            return joined;
        }
    }

    /// <summary>What an address is mapped to.</summary>
    public FrameMapping? At(ulong linear)
    {
        foreach ((ulong first, ulong last, FrameMapping mapping) in _pieces)
        {
            if (linear >= first && linear <= last) return mapping.Advance(linear - first);
        }

        return null;
    }

    /// <summary>Does a step, and says how it should end. Frames are never short here, and physical addresses never too high.</summary>
    public MapResult Apply(MappingStep step)
    {
        ulong first = step.Linear, last = unchecked(step.Linear + step.Length - 1);
        if (!Exists(first) || !Exists(last) || last < first || first >> 63 != last >> 63) return MapResult.NotCanonical;
        bool any = _pieces.Any(p => p.First <= last && p.Last >= first);
        if (step.Verb == MappingVerb.Map)
        {
            if (any) return MapResult.AlreadyMapped;
            _pieces.Add((first, last, Shown(step.Attributes, step.Physical)));
            return MapResult.Done;
        }

        if (!any) return MapResult.NotMapped;
        if (step.Verb == MappingVerb.Split) return MapResult.Done;
        var pieces = new List<(ulong First, ulong Last, FrameMapping Mapping)>();
        foreach ((ulong start, ulong end, FrameMapping mapping) in _pieces)
        {
            if (start > last || end < first)
            {
                pieces.Add((start, end, mapping));
                continue;
            }

            ulong from = Math.Max(start, first), to = Math.Min(end, last);
            if (start < from) pieces.Add((start, from - 1, mapping));
            if (end > to) pieces.Add((to + 1, end, mapping.Advance(to + 1 - start)));
            FrameMapping middle = mapping.Advance(from - start);
            if (step.Verb == MappingVerb.Protect) pieces.Add((from, to, middle with { Rights = Shown(step.Attributes, 0UL).Rights }));
            if (step.Verb == MappingVerb.SetAttributes) pieces.Add((from, to, Shown(step.Attributes, middle.Physical)));
        }

        _pieces = pieces;
        return MapResult.Done;
    }

    private bool Exists(ulong linear) => mode switch
    {
        PagingMode.FourLevel => linear < 1UL << 47 || linear >= ulong.MaxValue << 47,
        PagingMode.FiveLevel => linear < 1UL << 56 || linear >= ulong.MaxValue << 56,
        _ => linear < 1UL << 32,
    };

    // Two-level paging cannot refuse execution; only long mode has keys.
    private FrameMapping Shown(PageAttributes attributes, PhysicalAddress physical) => new(
        physical,
        mode == PagingMode.TwoLevel ? attributes.Rights | Rights.Execute : attributes.Rights,
        attributes.PatIndex,
        mode is PagingMode.FourLevel or PagingMode.FiveLevel ? attributes.ProtectionKey : 0);
}
