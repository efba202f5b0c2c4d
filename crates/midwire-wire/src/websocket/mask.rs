//! Masking (RFC 6455 §5.3).

/// Masks or unmasks content in place; `offset` is the position of its first byte in the frame's payload.
pub fn apply_mask(content: &mut [u8], key: [u8; 4], offset: u64) {
    let mut key = key;
    key.rotate_left((offset % 4) as usize);
    // Words of eight bytes, which the compiler turns into vector instructions.
    let word = u64::from(u32::from_ne_bytes(key));
    let word = word << 32 | word;
    let (words, rest) = content.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}
