//! Bytes as people compare them.

use sha2::{Digest, Sha256};

/// Two lower-case hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_keeps_leading_zeros_and_order() {
        assert_eq!(hex(&[0, 1, 2, 0xff]), "000102ff");
    }

    #[test]
    fn sha256_of_nothing_is_known() {
        let hash = sha256(&[]);
        assert!(hash.starts_with("e3b0c44298fc1c14") && hash.len() == 64);
    }
}
