//! LZF, the compression of binary PCD files (as libLZF by M. Lehmann writes it): runs of literal bytes, and references to
//! earlier ones.

/// Unpacks to exactly `length` bytes; none if the input gives another number or refers to bytes before the first.
///
/// Three bytes of input give at most 264 bytes, which bounds the output before anything is allocated.
pub(super) fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    if length > packed.len().saturating_mul(88) {
        return None;
    }
    let mut plain = Vec::with_capacity(length);
    let mut rest = packed;
    while let Some((&control, after)) = rest.split_first() {
        let control = usize::from(control);
        if control < 32 {
            let (run, after) = after.split_at_checked(control + 1)?;
            plain.extend_from_slice(run);
            rest = after;
        } else {
            let (more, after) = if control >> 5 == 7 { after.split_first()? } else { (&0, after) };
            let (&low, after) = after.split_first()?;
            let count = (control >> 5) + usize::from(*more) + 2;
            let distance = ((control & 31) << 8) + usize::from(low) + 1;
            let start = plain.len().checked_sub(distance)?;
            // Byte by byte: a reference may reach into what it writes.
            (start..start + count).for_each(|at| plain.push(plain[at]));
            rest = after;
        }
        if plain.len() > length {
            return None;
        }
    }
    (plain.len() == length).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::unpack;

    #[test]
    fn literals_and_references_give_the_bytes_that_were_packed() {
        // "abc", then 6 bytes from 3 back, then 9 + 8 = 17 bytes of "x" from one back.
        let packed = [2, b'a', b'b', b'c', 4 << 5, 2, 0, b'x', 7 << 5, 7, 0];
        assert_eq!(unpack(&packed, 26).unwrap(), b"abcabcabcxxxxxxxxxxxxxxxxx");
        assert_eq!(unpack(&packed, 25), None);
        assert_eq!(unpack(&packed, 27), None);
    }

    #[test]
    fn damage_is_noticed() {
        for (packed, length) in
            [(&[31, 1][..], 32), (&[0x20, 0], 3), (&[0xe0], 9), (&[0, 1, 0x20], 4), (&[], 1_000_000_000_000)]
        {
            assert_eq!(unpack(packed, length), None, "{packed:?}");
        }
    }
}
