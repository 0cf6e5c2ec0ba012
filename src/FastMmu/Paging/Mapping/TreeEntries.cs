using FastMmu.Addresses;

namespace FastMmu.Paging.Mapping;

/// <summary>
/// The present entries of an address space, for <c>foreach</c>: by ascending linear address, each table entry before what lies below it.
/// Malformed entries are among them.
/// </summary>
public readonly struct TreeEntries
{
    private readonly TreeReader? _reader;
    private readonly LinearRange _within;

    internal TreeEntries(TreeReader? reader, LinearRange within)
    {
        _reader = reader;
        _within = within;
    }

    /// <summary>Begins.</summary>
    public Enumerator GetEnumerator() => new(_reader, _within);

    /// <summary>Goes from entry to entry.</summary>
    public struct Enumerator
    {
        private readonly TreeReader? _reader;
        private TreeCursor _cursor;
        private TreeEntry _current;

        internal Enumerator(TreeReader? reader, LinearRange within)
        {
            _reader = reader;
            _cursor = new(within);
        }

        /// <summary>The entry reached.</summary>
        public readonly TreeEntry Current => _current;

        /// <summary>Goes to the next entry.</summary>
        /// <returns>False if there is none.</returns>
        public bool MoveNext() => _reader is not null && _reader.MoveToEntry(ref _cursor, out _current);
    }
}
