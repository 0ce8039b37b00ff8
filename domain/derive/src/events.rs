use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Result, Variant};

use crate::variants::{Variants, any, snake_case, texts};

pub fn expand(mut variants: Variants) -> Result<TokenStream> {
    let arms = variants.take(&["version"], arm)?;
    let derives = crate::derives(&quote!(Serialize, Deserialize));
    let (item, name) = (&variants.item, &variants.item.ident);
    Ok(quote! {
        #derives
        #[serde(tag = "type", rename_all = "snake_case")]
        // What happened is in its name.
        #[allow(missing_docs)]
        #item

        impl ::wilco::kernel::Events for #name {
            fn name_and_version(&self) -> (&'static str, &'static str) {
                match self {
                    #(#arms)*
                }
            }
        }
    })
}

fn arm(variant: &Variant, marks: &[Attribute]) -> Result<TokenStream> {
    let version = match marks {
        [] => "1.0".to_owned(),
        [mark] => match texts(mark)?.as_slice() {
            [version] => version.value(),
            _ => return Err(Error::new_spanned(mark, "one version is wanted here")),
        },
        [_, second, ..] => return Err(Error::new_spanned(second, "an event has one version")),
    };
    let (pattern, name) = (any(variant), snake_case(variant));
    Ok(quote!(#pattern => (#name, #version),))
}
