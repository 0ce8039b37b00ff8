use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Result, Variant};

use crate::variants::{Variants, snake_case, texts};

const MARKS: [&str; 4] = ["creates", "removes", "either", "fails"];

pub fn expand(mut variants: Variants) -> Result<TokenStream> {
    let shapes = variants.take(&MARKS, shape)?;
    let derives = crate::derives(&quote!(Serialize, Deserialize));
    let (item, name) = (&variants.item, &variants.item.ident);
    Ok(quote! {
        #derives
        #[serde(rename_all = "snake_case")]
        #item

        impl ::wilco::kernel::Commands for #name {
            const ALL: &'static [::wilco::kernel::CommandShape] = &[#(#shapes),*];
        }
    })
}

fn shape(variant: &Variant, marks: &[Attribute]) -> Result<TokenStream> {
    let (mut effect, mut fails) = (quote!(Changes), quote!(None));
    let mut marked = false;
    for mark in marks {
        if mark.path().is_ident("fails") {
            let slugs = texts(mark)?;
            fails = quote!(Some(&[#(#slugs),*]));
            continue;
        }
        mark.meta.require_path_only()?;
        if std::mem::replace(&mut marked, true) {
            return Err(Error::new_spanned(mark, "a command does one of these"));
        }
        effect = match mark.path() {
            path if path.is_ident("creates") => quote!(Creates),
            path if path.is_ident("removes") => quote!(Removes),
            _ => quote!(Either),
        };
    }
    let verb = snake_case(variant);
    Ok(quote! {
        ::wilco::kernel::CommandShape {
            verb: #verb,
            effect: ::wilco::kernel::Effect::#effect,
            fails: #fails,
        }
    })
}
