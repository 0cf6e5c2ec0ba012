using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>The pages of an address space by ascending linear address, for <c>foreach</c>. Reads the tables while it goes; allocates nothing for a page.</summary>
public readonly struct MappedPages
{
    private readonly TreeReader? _reader;
    private readonly LinearRange _within;

    internal MappedPages(TreeReader? reader, LinearRange within)
    {
        _reader = reader;
        _within = within;
    }

    /// <summary>Begins.</summary>
    public Enumerator GetEnumerator() => new(_reader, _within);

    /// <summary>Goes from page to page.</summary>
    public struct Enumerator
    {
        private readonly TreeReader? _reader;
        private TreeCursor _cursor;
        private MappedPage _current;

        internal Enumerator(TreeReader? reader, LinearRange within)
        {
            _reader = reader;
            _cursor = new(within);
        }

        /// <summary>The page reached.</summary>
        public readonly MappedPage Current => _current;

        /// <summary>Goes to the next page.</summary>
        /// <returns>False if there is none.</returns>
        public bool MoveNext() => _reader is not null && _reader.MoveToLeaf(ref _cursor, out _current);
    }
}
