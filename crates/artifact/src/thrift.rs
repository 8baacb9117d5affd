//! Thrift's compact encoding, in which Parquet's footers and page headers are written, read without believing it.
//!
//! What decodes them for us makes room for as many elements as a list says that it has, skips lists of booleans without
//! reading a byte, and takes a field for what its number says. So they are walked here first: each field has the type
//! that its number has, fields come in order, no list is longer than what is left, and nothing is nested deeper than what
//! Parquet nests.

/// Why bytes are no sound encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end before it does.
    Short,
    /// They are wrong, in words.
    Wrong(&'static str),
}

/// What a field holds.
pub(crate) enum Shape {
    Bool,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    /// Fields by number; those of other numbers are skipped.
    Struct(&'static [(i16, Shape)]),
    List(&'static Shape),
}

/// How deep fields that are not known may be nested.
const DEPTH: u32 = 16;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Shape {
    /// The type's number on the wire; a boolean's value is in its type.
    pub(crate) fn is(&self, wire: u8) -> bool {
        match self {
            Self::Bool => wire == 1 || wire == 2,
            Self::Byte => wire == 3,
            Self::I16 => wire == 4,
            Self::I32 => wire == 5,
            Self::I64 => wire == 6,
            Self::Double => wire == 7,
            Self::Binary => wire == 8,
            Self::Struct(_) => wire == STRUCT,
            Self::List(_) => wire == LIST,
        }
    }
}

/// A reader of encoded bytes.
pub(crate) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The most elements of a list.
    longest: u64,
}

impl<'a> Thrift<'a> {
    pub(crate) fn new(bytes: &'a [u8], longest: u64) -> Self {
        Self { bytes, at: 0, longest }
    }

    /// How many bytes were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns number and wire type of the next field of a struct, whose last one had the number `last`; nothing at its end.
    pub(crate) fn field(&mut self, last: i16) -> Result<Option<(i16, u8)>, Fault> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        let (delta, wire) = (i16::from(header >> 4), header & 15);
        let number = match delta {
            0 => {
                i16::try_from(self.number()?).map_err(|_| Fault::Wrong("a field of an impossible number"))?
            }
            delta => last.checked_add(delta).ok_or(Fault::Wrong("a field of an impossible number"))?,
        };
        match wire {
            _ if number <= last => Err(Fault::Wrong("fields out of order")),
            1..=10 | STRUCT | 13 => Ok(Some((number, wire))),
            _ => Err(Fault::Wrong("a field of an unknown type")),
        }
    }

    /// Reads what has a shape; tells `see` every integer with the numbers of the fields that lead to it.
    pub(crate) fn walk(
        &mut self,
        shape: &Shape,
        within: &mut Vec<i16>,
        see: &mut impl FnMut(&[i16], i64),
    ) -> Result<(), Fault> {
        match shape {
            Shape::Bool => Ok(()),
            Shape::Byte => self.skip_bytes(1),
            Shape::Double => self.skip_bytes(8),
            Shape::Binary => self.binary(),
            Shape::I16 | Shape::I32 | Shape::I64 => {
                let number = self.number()?;
                let fits = match shape {
                    Shape::I16 => i16::try_from(number).is_ok(),
                    Shape::I32 => i32::try_from(number).is_ok(),
                    _ => true,
                };
                if !fits {
                    return Err(Fault::Wrong("an integer too large for its type"));
                }
                see(within, number);
                Ok(())
            }
            Shape::List(of) => {
                let (wire, count) = self.list()?;
                if count > 0 && (!of.is(wire) || matches!(of, Shape::Bool)) {
                    return Err(Fault::Wrong("a list of another type"));
                }
                (0..count).try_for_each(|_| self.walk(of, within, see))
            }
            Shape::Struct(fields) => {
                let mut last = 0;
                while let Some((number, wire)) = self.field(last)? {
                    match fields.iter().find(|(known, _)| *known == number) {
                        Some((_, shape)) if !shape.is(wire) => {
                            return Err(Fault::Wrong("a field of another type"));
                        }
                        Some((_, shape)) => {
                            within.push(number);
                            self.walk(shape, within, see)?;
                            within.pop();
                        }
                        None => self.skip(wire, DEPTH)?,
                    }
                    last = number;
                }
                Ok(())
            }
        }
    }

    /// Skips what nobody here knows.
    pub(crate) fn skip(&mut self, wire: u8, depth: u32) -> Result<(), Fault> {
        let depth = depth.checked_sub(1).ok_or(Fault::Wrong("fields nested too deep"))?;
        match wire {
            1 | 2 => Ok(()),
            3 => self.skip_bytes(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.skip_bytes(8),
            8 => self.binary(),
            LIST | 10 => {
                let (wire, count) = self.list()?;
                if count > 0 && matches!(wire, 1 | 2) {
                    return Err(Fault::Wrong("a list of booleans"));
                }
                (0..count).try_for_each(|_| self.skip(wire, depth))
            }
            STRUCT => {
                let mut last = 0;
                while let Some((number, wire)) = self.field(last)? {
                    self.skip(wire, depth)?;
                    last = number;
                }
                Ok(())
            }
            13 => self.skip_bytes(16),
            _ => Err(Fault::Wrong("a field of an unknown type")),
        }
    }

    /// Returns the wire type of a list's elements, and how many there are: no more than bytes are left.
    pub(crate) fn list(&mut self) -> Result<(u8, usize), Fault> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.unsigned()?,
            few => u64::from(few),
        };
        if count > self.longest {
            return Err(Fault::Wrong("a list too long"));
        }
        match usize::try_from(count) {
            Ok(count) if count <= self.bytes.len() - self.at => Ok((header & 15, count)),
            _ => Err(Fault::Short),
        }
    }

    fn binary(&mut self) -> Result<(), Fault> {
        let length = usize::try_from(self.unsigned()?).map_err(|_| Fault::Wrong("a text too long"))?;
        self.skip_bytes(length)
    }

    /// Reads a signed integer.
    fn number(&mut self) -> Result<i64, Fault> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn unsigned(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::Wrong("an integer without an end"))
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_bytes(&mut self, count: usize) -> Result<(), Fault> {
        if count > self.bytes.len() - self.at {
            return Err(Fault::Short);
        }
        self.at += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::Struct(&[
        (1, Shape::I32),
        (2, Shape::List(&Shape::Struct(&[(1, Shape::I64), (3, Shape::Binary)]))),
        (4, Shape::Bool),
    ]);

    type Seen = Vec<(Vec<i16>, i64)>;

    fn walk(bytes: &[u8]) -> Result<(usize, Seen), Fault> {
        let (mut thrift, mut seen) = (Thrift::new(bytes, 1 << 20), Vec::new());
        thrift.walk(&SHAPE, &mut Vec::new(), &mut |within, number| seen.push((within.to_vec(), number)))?;
        Ok((thrift.at(), seen))
    }

    #[test]
    fn integers_are_seen_and_the_rest_is_passed_over() {
        // 1: -3; 2: [{1: 300, 3: "ab"}, {}]; 4: true; 6 (unknown): {1: [7, 8]}.
        let bytes = [
            0x15, 5, 0x19, 0x2c, 0x16, 0xd8, 4, 0x28, 2, b'a', b'b', 0, 0, 0x21, 0x2c, 0x19, 0x23, 7, 8, 0, 0,
        ];
        assert_eq!(walk(&bytes), Ok((bytes.len(), vec![(vec![1], -3), (vec![2, 1], 300)])));
        for end in 0..bytes.len() {
            assert_eq!(walk(&bytes[..end]), Err(Fault::Short), "{end} bytes");
        }
    }

    #[test]
    fn what_would_mislead_a_decoder_is_refused() {
        let wrong: [(&[u8], Fault); 9] = [
            (&[0x16, 5, 0], Fault::Wrong("a field of another type")),
            (&[0x25, 5, 0x05, 2, 5, 0], Fault::Wrong("a field of another type")),
            (&[0x15, 5, 0x05, 2, 5, 0], Fault::Wrong("fields out of order")),
            (&[0x15, 0xff, 0xff, 0xff, 0xff, 0x7f, 0], Fault::Wrong("an integer too large for its type")),
            (
                &[0x15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0],
                Fault::Wrong("an integer without an end"),
            ),
            (&[0x29, 0xfc, 0xff, 0xff, 0xff, 0x07, 0], Fault::Wrong("a list too long")),
            (&[0x59, 0xf1, 0xff, 0xff, 3, 0], Fault::Short),
            (&[0x59, 0x21, 1, 1, 0], Fault::Wrong("a list of booleans")),
            (&[0x5b, 1, 0x11, 0], Fault::Wrong("a field of an unknown type")),
        ];
        for (bytes, fault) in wrong {
            assert_eq!(walk(bytes), Err(fault), "{bytes:02x?}");
        }
        let deep: Vec<u8> = [0x5c].into_iter().chain(std::iter::repeat_n(0x1c, 40)).chain([0; 42]).collect();
        assert_eq!(walk(&deep), Err(Fault::Wrong("fields nested too deep")));
    }
}
