using FastMmu.Paging.Modes;

namespace FastMmu.Paging.Walk;

/// <summary>The rights accumulated along the entries of a path: R/W and U/S are ANDed, XD is ORed.</summary>
/// <remarks>
/// <code>
///   3    2    1    0
/// +----+----+----+----+
/// | SS | XD | U  | W  |     the index into a row of <see cref="PermissionTable"/>
/// +----+----+----+----+
/// </code>
/// Rights belong to the path, not to a table: the same table may be reached by two paths with different rights.
/// Source: Intel SDM vol. 3A, "Determination of Access Rights" (4.6.1); "Shadow-Stack Pages" in the same section.
/// </remarks>
public static class PathRights
{
    /// <summary>R/W=1 in every entry.</summary>
    public const int Write = 1;

    /// <summary>U/S=1 in every entry.</summary>
    public const int User = 2;

    /// <summary>XD=1 in some entry.</summary>
    public const int ExecuteDisable = 4;

    /// <summary>A shadow-stack page: R/W=1 in every entry above the leaf, R/W=0 and D=1 in the leaf.</summary>
    public const int ShadowStack = 8;

    /// <summary>The rights of a path of no entries.</summary>
    public const int Unrestricted = Write | User;

    /// <summary>Adds an entry to a path.</summary>
    /// <param name="path">The rights above the entry, without <see cref="ShadowStack"/>.</param>
    /// <param name="entry">The entry.</param>
    public static int Through(int path, ulong entry) =>
        (path & (int)(entry >> 1) & Unrestricted) | (path & ExecuteDisable) | (int)(entry >> 63) << 2;

    /// <summary>The path's rights in the form the public face uses.</summary>
    /// <param name="path">Accumulated rights.</param>
    /// <param name="global">Whether the translation is global.</param>
    public static Rights ToRights(int path, bool global)
    {
        // Write→Write and User→User shift by one; execute is the opposite of XD.
        int rights = (int)Rights.Read | ((path & Unrestricted) << 1);
        if ((path & ExecuteDisable) == 0) rights |= (int)Rights.Execute;
        if ((path & ShadowStack) != 0) rights |= (int)Rights.ShadowStack;
        if (global) rights |= (int)Rights.Global;
        return (Rights)rights;
    }
}
