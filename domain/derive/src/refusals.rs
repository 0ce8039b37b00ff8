use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Error, Fields, LitStr, Result, Variant};

use crate::variants::{Variants, any, description, kebab_case, texts};

/// What is made of a variant.
struct Refusal {
    /// How it is shown.
    shown: TokenStream,
    /// Its rule, or none.
    rule: TokenStream,
    /// The rule, if there is one.
    listed: Option<TokenStream>,
}

pub fn expand(mut variants: Variants) -> Result<TokenStream> {
    let refusals = variants.take(&["rule", "invalid"], refusal)?;
    let shown = refusals.iter().map(|refusal| &refusal.shown);
    let rules = refusals.iter().map(|refusal| &refusal.rule);
    let listed = refusals.iter().filter_map(|refusal| refusal.listed.as_ref());
    let validates = refusals.iter().any(|refusal| refusal.listed.is_none());
    let (item, name) = (&variants.item, &variants.item.ident);
    Ok(quote! {
        #[derive(Clone, Debug, PartialEq)]
        #item

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(#shown)*
                }
            }
        }

        impl ::core::error::Error for #name {}

        impl ::wilco::kernel::Refusals for #name {
            const RULES: &'static [::wilco::kernel::Rule] = &[#(#listed),*];
            const VALIDATES: bool = #validates;

            fn rule(&self) -> ::core::option::Option<&'static str> {
                match self {
                    #(#rules)*
                }
            }
        }
    })
}

fn refusal(variant: &Variant, marks: &[Attribute]) -> Result<Refusal> {
    let [mark] = marks else {
        return Err(Error::new_spanned(variant, "a refusal is marked with one #[rule(…)] or #[invalid(…)]"));
    };
    let texts = texts(mark)?;
    let [text] = texts.as_slice() else {
        return Err(Error::new_spanned(mark, "one text is wanted here: what the client is told"));
    };
    let (pattern, shown) = (any(variant), shown(variant, text));
    if mark.path().is_ident("invalid") {
        return Ok(Refusal { shown, rule: quote!(#pattern => None,), listed: None });
    }
    let slug = kebab_case(variant);
    let (meaning, advice) = match description(variant).as_slice() {
        [] => {
            let wanted = "a rule is explained to whoever breaks it: in a comment, what it means; in another \
                          paragraph, what to do";
            return Err(Error::new_spanned(variant, wanted));
        }
        [meaning, advice @ ..] => (meaning.clone(), advice.join(" ")),
    };
    let listed = quote!(::wilco::kernel::Rule::new(#slug, #meaning, #advice));
    Ok(Refusal { shown, rule: quote!(#pattern => Some(#slug),), listed: Some(listed) })
}

/// An arm that writes the text, with the variant's members at hand: by name, or by number where they have none.
fn shown(variant: &Variant, text: &LitStr) -> TokenStream {
    let name = &variant.ident;
    match &variant.fields {
        Fields::Named(fields) => {
            let names: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
            // Not every member need be told of.
            quote!(Self::#name { #(#names),* } => {
                #(let _ = #names;)*
                ::core::write!(f, #text)
            })
        }
        Fields::Unnamed(fields) => {
            let names: Vec<_> = (0..fields.unnamed.len()).map(|at| format_ident!("_{at}")).collect();
            let told = (0..names.len()).filter(|at| text.value().contains(&format!("{{{at}")));
            let told = told.map(|at| &names[at]);
            quote!(Self::#name(#(#names),*) => ::core::write!(f, #text, #(#told),*),)
        }
        Fields::Unit => quote!(Self::#name => ::core::write!(f, #text),),
    }
}
