//! Loops compiled for the vectors at hand.

/// Makes functions whose loops are compiled for every width of vectors; the first argument picks one.
///
/// A closure would not do: it is a function of its own, compiled for the oldest machine.
macro_rules! for_all_vectors {
    ($(
        $(#[$meta:meta])*
        fn $name:ident<'a>($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    )*) => {$(
        $(#[$meta])*
        pub(crate) fn $name<'a>(arch: pulp::Arch, $($argument: $type),*) -> $result {
            struct Call<'a> { $($argument: $type),* }

            impl<'a> pulp::NullaryFnOnce for Call<'a> {
                type Output = $result;

                #[inline(always)]
                fn call(self) -> $result {
                    let Call { $($argument),* } = self;
                    $body
                }
            }

            arch.dispatch(Call { $($argument),* })
        }
    )*};
}
pub(crate) use for_all_vectors;
